// Knows: CRC-32 as zip files use it (ISO 3309, polynomial 0xEDB88320).

const TABLE = Uint32Array.from({ length: 256 }, (_none, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})

/** The checksum of earlier bytes, whose checksum is `previous` (0 at the start), followed by `bytes`. */
export function addToCrc32(previous: number, bytes: Uint8Array): number {
  let crc = ~previous
  for (let i = 0; i < bytes.length; i++)
    crc = (TABLE[(crc ^ (bytes[i] as number)) & 255] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}
