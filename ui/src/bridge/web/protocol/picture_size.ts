/** The size that an encoded picture claims, read before a decoder takes memory for it. */

export interface PictureSize {
  width: number;
  height: number;
}

const PNG_HEADER = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52];

/** From the IHDR chunk, which always comes first (RFC 2083 section 4.1.1). */
export function pngSize(png: Uint8Array): PictureSize | undefined {
  if (png.byteLength < 24 || PNG_HEADER.some((byte, at) => png[at] !== byte)) return undefined;
  const view = new DataView(png.buffer, png.byteOffset);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

const START_OF_IMAGE = 0xd8;
const START_OF_SCAN = 0xda;

/** From the frame header (ITU-T T.81 section B.2.2). */
export function jpegSize(jpeg: Uint8Array): PictureSize | undefined {
  if (jpeg.byteLength < 4 || jpeg[0] !== 0xff || jpeg[1] !== START_OF_IMAGE) return undefined;
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength);
  let at = 2;
  while (at + 9 <= jpeg.byteLength) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      // Bytes of filling may stand before a marker (section B.1.1.2).
      at += 1;
      continue;
    }
    if (marker === START_OF_SCAN) return undefined;
    if (isFrameHeader(marker)) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** SOF0 to SOF15 without DHT, JPG and DAC, which lie between them (table B.1). */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}
