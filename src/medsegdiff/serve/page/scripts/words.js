// Quantities in words, as a person would say them.

/** A duration such as "12 s" or "3 min". */
export function duration(seconds) {
  if (seconds < 1) return "less than a second";
  if (seconds < 90) return `${Math.round(seconds)}\u00a0s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)}\u00a0min`;
  const hours = Math.floor(seconds / 3600);
  return `${hours}\u00a0h ${Math.round((seconds - hours * 3600) / 60)}\u00a0min`;
}

/** A file's size such as "1.4 MB", of 1024 kB, as the server counts its limits. */
export function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A number with three significant digits, never in powers of ten. */
export function figure(value) {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en", { maximumFractionDigits: Math.min(digits, 6) });
}

/** A share as per cent. */
export function percent(share) {
  return `${figure(100 * share)} %`;
}

/** One thing or several of it. */
export function count(number, one, several = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : several}`;
}
