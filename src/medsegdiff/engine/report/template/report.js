"use strict";
// Sorts and filters the table of studies; without it the table stands as it was written.
(() => {
  const table = document.querySelector("table.studies");
  const filters = document.getElementById("filters");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const written = [...rows];
  const heads = Array.from(table.tHead.rows[0].cells);
  const pictures = heads.filter((head) => head.classList.contains("unsorted")).length;

  const figure = (row, column) => {
    const text = row.cells[column].dataset.sort;
    return text === undefined || text === "" ? null : Number(text);
  };

  // Unknown figures come last, whichever way the column is sorted.
  const compared = (column, direction) => (one, other) => {
    if (column === 0) {
      const name = (row) => row.querySelector(".study").textContent;
      return direction * name(one).localeCompare(name(other), undefined, { numeric: true });
    }
    const [mine, yours] = [figure(one, column), figure(other, column)];
    if (mine === null || yours === null) return (mine === null) - (yours === null);
    return direction * (mine - yours);
  };

  const byColumn = document.getElementById("by-column");
  const sort = (head, column, isUp) => {
    byColumn.value = `${column} ${isUp}`;
    heads.forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
    rows.sort(compared(column, isUp ? 1 : -1));
    body.append(...rows);
  };

  const unsort = () => {
    heads.forEach((one) => one.removeAttribute("aria-sort"));
    body.append(...written);
  };

  // On a narrow screen the headings are hidden, and the list sorts.
  const offer = (head, column) => {
    const ways = column === 0 ? ["A to Z", "Z to A"] : ["lowest first", "highest first"];
    ways.forEach((way, index) => {
      byColumn.add(new Option(`${head.textContent}, ${way}`, `${column} ${index === 0}`));
    });
  };
  byColumn.add(new Option("as in the title", ""));
  byColumn.addEventListener("change", () => {
    const [column, isUp] = byColumn.value.split(" ");
    if (column) sort(heads[Number(column)], Number(column), isUp === "true");
    else unsort();
  });

  heads.forEach((head, column) => {
    if (head.classList.contains("unsorted")) return;
    offer(head, column);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sorter";
    button.textContent = head.textContent;
    button.addEventListener("click", () => {
      sort(head, column, head.getAttribute("aria-sort") !== "ascending");
    });
    head.replaceChildren(button);
  });

  const [byName, byLimit, byWarning, shown] = ["by-name", "by-limit", "by-warning", "shown"].map(
    (id) => document.getElementById(id),
  );
  const limited = Number(byLimit.dataset.column) + 1 + pictures;

  const isWanted = (row) => {
    const name = row.querySelector(".study").textContent.toLowerCase();
    if (!name.includes(byName.value.trim().toLowerCase())) return false;
    if (byWarning.checked && !row.querySelector(".warning")) return false;
    if (byLimit.value === "") return true;
    const value = figure(row, limited);
    return value !== null && value < Number(byLimit.value);
  };

  const filter = () => {
    rows.forEach((row) => {
      row.hidden = !isWanted(row);
    });
    const count = rows.filter((row) => !row.hidden).length;
    const all = rows.length === 1 ? "1 study" : `${rows.length} studies`;
    shown.value = count === rows.length ? all : `${count} of ${all}`;
  };

  // A point of a plot leads to its study, also where a filter has hidden that.
  window.addEventListener("hashchange", () => {
    const row = document.getElementById(location.hash.slice(1));
    if (!row || !row.hidden) return;
    filters.reset();
    filter();
    row.scrollIntoView();
  });

  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.hidden = false;
  filter();
})();
