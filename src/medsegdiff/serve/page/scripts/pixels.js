// From the server's PNGs to numbers, and back: no colour management, no blending.

import { getBlob } from "./requests.js";

/**
 * A grey PNG as numbers.
 *
 * @returns {Promise<{width: number, height: number, values: Uint8Array}>} row by row, 0 to 255.
 */
export async function readValues(url) {
  const bitmap = await decoded(url);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const values = new Uint8Array(width * height);
  for (let i = 0; i < values.length; i += 1) values[i] = data[4 * i];
  return { width, height, values };
}

/** A picture that a canvas can draw. */
export async function decoded(url) {
  const options = { premultiplyAlpha: "none", colorSpaceConversion: "none" };
  return createImageBitmap(await getBlob(url), options);
}

/** Numbers of 0 to 255 as a grey PNG of 8 bits. */
export async function greyPng(values, width, height) {
  const rows = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y += 1) {
    rows.set(values.subarray(y * width, (y + 1) * width), y * (width + 1) + 1); // filter 0 before each row
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = 8; // bits, and then colour type 0: grey
  const signature = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]);
  const parts = [chunk("IHDR", header), chunk("IDAT", await squeezed(rows, "deflate")), chunk("IEND", new Uint8Array())];
  return new Blob([signature, ...parts], { type: "image/png" });
}

/** Bytes, compressed: "deflate" for PNG, "gzip" for NIfTI. */
export async function squeezed(bytes, format) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream(format));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function chunk(name, content) {
  const bytes = new Uint8Array(content.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  for (let i = 0; i < 4; i += 1) bytes[4 + i] = name.charCodeAt(i);
  bytes.set(content, 8);
  view.setUint32(8 + content.length, checksum(bytes.subarray(4, 8 + content.length)));
  return bytes;
}

/** CRC-32 as PNG has it: ISO 3309, reflected polynomial. */
function checksum(bytes) {
  let crc = -1;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}

const TABLE = Int32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
