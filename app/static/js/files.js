// A file of the user's, before the service sees it.

const WEBP_METADATA = 0x0c; // flags of Exif and XMP in its header

/** Whether it is still there: not deleted, not changed, not a folder. */
export function canBeRead(file) {
  return file.slice(0, 1).arrayBuffer().then(() => true, () => false);
}

/** Browsers leave a WebP as it lies, the service turns it as its metadata says. */
export async function mayBeTurned(file) {
  const head = new Uint8Array(await file.slice(0, 21).arrayBuffer().catch(() => new ArrayBuffer(0)));
  const text = String.fromCharCode(...head);
  return text.startsWith("WEBPVP8X", 8) && (head[20] & WEBP_METADATA) !== 0;
}

/** Only pages under https or on localhost can tell files apart. */
export const canHash = () => Boolean(globalThis.crypto?.subtle);

export async function sha256(file) {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
