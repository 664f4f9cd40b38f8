// Knows: the constants that the assembly files read from layouts.ts, as a file of theirs.
import {
  activationLayout,
  CONTROL,
  HALF_FACTOR,
  MAGIC,
  OPS,
  RECORD,
  SCALE_FIELDS,
  START,
  type Dot,
} from '../layouts.ts'

const vector = (name: string, type: 'u8' | 'u16' | 'u32', value: number): string => {
  const count = { u8: 16, u16: 8, u32: 4 }[type]
  return `export const ${name} = memory.data<${type}>([${Array.from({ length: count }, () => value).join(', ')}], 16);`
}

/** Words of a group of constants under a prefix, as `OP_NORM`. */
const prefixed = (prefix: string, values: Readonly<Record<string, number>>): string[] =>
  Object.entries(values).map(
    ([name, value]) =>
      `@inline export const ${prefix}_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}: i32 = ${value};`,
  )

/**
 * The text of constants.as. Vectors are loaded from memory, because compilers of browsers would build them again in every loop.
 */
export function writeConstants(dot: Dot): string {
  const layout = activationLayout(dot)
  return [
    vector('NIBBLES', 'u8', 0x0f),
    vector('NIBBLE', 'u16', 0x000f),
    vector('BYTE', 'u16', 0x00ff),
    // Sign, exponent and fraction of a half-precision number that was sign-extended and shifted left by 13.
    vector('HALF', 'u32', 0x8fff_e000),
    vector('MAGIC', 'u32', MAGIC),
    `@inline export const START: i32 = ${START};`,
    `@inline export const HALF_FACTOR: f32 = reinterpret<f32>(0x${((Math.log2(HALF_FACTOR) + 127) << 23).toString(16)});`,
    `@inline export const WIDE: bool = ${dot === 'plain'};`,
    ...prefixed('TILE', { bytes: layout.bytes, row: layout.rowBytes, scales: layout.scales }),
    ...prefixed('FIELD', SCALE_FIELDS),
    ...prefixed('RECORD', RECORD),
    ...prefixed('OP', OPS),
    ...prefixed('CONTROL', CONTROL),
    '',
  ].join('\n')
}
