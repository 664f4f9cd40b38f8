// Knows: the supported tensor types. To add one, add a file and a line.
import { bf16 } from './bf16.ts'
import { f16 } from './f16.ts'
import { f32 } from './f32.ts'
import { q4_0 } from './q4-0.ts'
import { q4_1 } from './q4-1.ts'
import { q4_k } from './q4-k.ts'
import { q5_0 } from './q5-0.ts'
import { q5_1 } from './q5-1.ts'
import { q5_k } from './q5-k.ts'
import { q6_k } from './q6-k.ts'
import { q8_0 } from './q8-0.ts'
import type { Quant } from './quant.ts'

export const QUANTS: readonly Quant[] = [f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q4_k, q5_k, q6_k]

const BY_NAME: ReadonlyMap<string, Quant> = new Map(QUANTS.map((quant) => [quant.name, quant]))

/** The reader of a type, or undefined if it is not supported. */
export const findQuant = (name: string): Quant | undefined => BY_NAME.get(name)
