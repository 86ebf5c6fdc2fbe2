// What a person drops or chooses: files, or folders with files in them.

/** All files of a drop, folders opened. */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry?.())
    .filter((entry) => entry);
  if (entries.length === 0) return [...transfer.files];
  const nested = await Promise.all(entries.map(filesOf));
  return nested.flat().filter(isWanted);
}

/** Files of a chooser, without what systems leave in folders. */
export function chosenFiles(input) {
  return [...input.files].filter(isWanted);
}

/** "lesion.jpg", or "142 files of a folder". */
export function nameOf(files) {
  if (files.length === 1) return files[0].name;
  return `${files[0].name} and ${files.length - 1} more`;
}

/** Bytes of all of them. */
export function totalSize(files) {
  return files.reduce((sum, file) => sum + file.size, 0);
}

/** Whether a browser can draw it as it is. */
export function isPicture(file) {
  return /^image\/(png|jpeg|bmp|webp)$/.test(file.type);
}

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) break; // a reader gives a hundred at a time
    found.push(...(await Promise.all(part.map(filesOf))).flat());
  }
  return found;
}

function isWanted(file) {
  return !file.name.startsWith(".") && file.name !== "Thumbs.db" && file.name !== "desktop.ini";
}
