// Knows: the types whose integers the kernels take as they are. To add one, add a file and a line.
import type { IntegerReader } from './integer-rows.ts'
import { q4_0 } from './q4-0.ts'
import { q4_1 } from './q4-1.ts'
import { q4_k } from './q4-k.ts'
import { q5_0 } from './q5-0.ts'
import { q5_1 } from './q5-1.ts'
import { q5_k } from './q5-k.ts'
import { q6_k } from './q6-k.ts'
import { q8_0 } from './q8-0.ts'

export const INTEGER_READERS: readonly IntegerReader[] = [q4_0, q4_1, q5_0, q5_1, q8_0, q4_k, q5_k, q6_k]

const BY_NAME: ReadonlyMap<string, IntegerReader> = new Map(
  INTEGER_READERS.map((reader) => [reader.name, reader]),
)

/** The reader of a type; undefined for types of floats. */
export const findIntegerReader = (name: string): IntegerReader | undefined => BY_NAME.get(name)
