// Knows: GPT-2's way of writing any byte as one visible character, so that byte-level vocabularies are texts.
// Source: bytes_to_unicode of GPT-2's encoder.py.

const isVisible = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff)

/** The character of each byte: itself where it is visible, else one from U+0100 on, in the bytes' order. */
export const CHARACTER_OF_BYTE: readonly string[] = makeAlphabet()

const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(
  CHARACTER_OF_BYTE.map((character, byte) => [character, byte]),
)

const encoder = new TextEncoder()

/** A text's UTF-8 bytes, written in the alphabet. */
export function writeBytes(text: string): string {
  let out = ''
  for (const byte of encoder.encode(text)) out += CHARACTER_OF_BYTE[byte] as string
  return out
}

/** The bytes that a token of the alphabet stands for; characters outside it stand for their own UTF-8. */
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
