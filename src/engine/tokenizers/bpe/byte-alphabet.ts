// Knows: GPT-2's mapping of every byte to one visible character, so that byte-level vocabularies are text.
// Source: bytes_to_unicode of GPT-2's encoder.py.

const isVisible = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff)

/** The character of each byte: the byte itself if it is visible, else the next character from U+0100 on. */
export const CHARACTER_OF_BYTE: readonly string[] = makeAlphabet()

const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(
  CHARACTER_OF_BYTE.map((character, byte) => [character, byte]),
)

const encoder = new TextEncoder()

/** A text's UTF-8 bytes in the byte alphabet. */
export function writeBytes(text: string): string {
  let out = ''
  for (const byte of encoder.encode(text)) out += CHARACTER_OF_BYTE[byte] as string
  return out
}

/** The bytes of a token in the byte alphabet; characters outside it are their own UTF-8. */
export function readBytes(token: string): Uint8Array {
  const bytes: number[] = []
  for (const character of token) {
    const byte = BYTE_OF_CHARACTER.get(character)
    if (byte === undefined) bytes.push(...encoder.encode(character))
    else bytes.push(byte)
  }
  return Uint8Array.from(bytes)
}

function makeAlphabet(): string[] {
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isVisible(byte) ? byte : next++))
}
