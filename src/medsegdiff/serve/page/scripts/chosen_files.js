// What a person drops or chooses: files, or folders with files in them.

/**
 * All files of a drop, folders opened.
 *
 * @returns {Promise<{files: File[], folder: string}>} the folder's name, if one was dropped and nothing else.
 */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry?.())
    .filter((entry) => entry);
  if (entries.length === 0) return { files: [...transfer.files], folder: "" };
  const nested = await Promise.all(entries.map(filesOf));
  const isFolder = entries.length === 1 && entries[0].isDirectory;
  return { files: nested.flat().filter(isWanted), folder: isFolder ? entries[0].name : "" };
}

/** Files of a chooser, without what systems leave in folders; and the folder's name, if it was one. */
export function chosenFiles(input) {
  const files = [...input.files].filter(isWanted);
  return { files, folder: files[0]?.webkitRelativePath.split("/").slice(0, -1)[0] ?? "" };
}

/** "lesion.jpg", the folder that the files were in, or "lesion.jpg and 3 more". */
export function nameOf({ files, folder }) {
  if (folder) return folder;
  return files.length === 1 ? files[0].name : `${files[0].name} and ${files.length - 1} more`;
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
