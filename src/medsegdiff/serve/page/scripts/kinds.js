// What files are by their endings, before anything is sent; the server knows the same ones.

const PICTURES = [".png", ".jpg", ".jpeg", ".bmp"];
const VOLUMES = [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"];
const OTHERS = [".tif", ".tiff", ".raw", ".raw.gz", ".zraw", ".dcm", ".dicom", ".ima", ".zip"]; // one cannot tell

/** The formats in words. */
export const KINDS = "PNG, JPEG, BMP, TIFF · NIfTI, NRRD, MetaImage · DICOM files, a folder of them, or a zip";

/** Whether files with this ending are taken; those without a word for one may be DICOM. */
export function isKnown({ name }) {
  const word = /\.([^.]{1,9})$/.exec(name)?.[1] ?? "";
  return has(name, [...PICTURES, ...VOLUMES, ...OTHERS]) || /^\d*$/.test(word);
}

/**
 * How many dimensions a study of these files has: 2, 3, or null where the endings do not tell.
 *
 * Several DICOM files are the slices of a volume.
 */
export function dimensions(files) {
  if (files.some(({ name }) => has(name, VOLUMES))) return 3;
  if (files.every(({ name }) => has(name, PICTURES))) return 2;
  const isSeries = files.length > 1 && files.every(({ name }) => !has(name, [...PICTURES, ".tif", ".tiff", ".zip"]));
  return isSeries ? 3 : null;
}

function has(name, endings) {
  return endings.some((ending) => name.toLowerCase().endsWith(ending));
}
