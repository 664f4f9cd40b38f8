// Knows: the training mix of the built-in teacher, and a hash of all the texts that it depends on.
import { hashOf } from '../../../domain/hash.ts'
import { makeRng, type Rng } from '../../../domain/rng.ts'
import { pickByWeight } from '../draws.ts'
import { answer } from './answer.ts'
import { compare } from './compare.ts'
import { critique } from './critique.ts'
import type { Document, DocumentKind, DrawOptions } from './document.ts'
import { evolve } from './evolve.ts'
import { grow } from './grow.ts'
import { judge } from './judge.ts'
import { revise } from './revise.ts'
import { solve } from './solve.ts'

export const DOCUMENT_KINDS: readonly DocumentKind[] = [
  grow,
  answer,
  solve,
  judge,
  compare,
  evolve,
  critique,
  revise,
]

/** Weights by kind, where they differ from the kinds' own. */
export type Mix = Readonly<Record<string, number>>

/** One document, its kind drawn by weight. */
export const drawDocument = (rng: Rng, options: DrawOptions, mix: Mix = {}): Document =>
  pickByWeight(
    DOCUMENT_KINDS.map(({ name, weight, draw }) => ({ weight: mix[name] ?? weight, draw })),
    rng,
  ).draw(rng, options)

/** One prompt in this many is held out of training, by the hash of its text: for evaluation. */
const HELD_OUT = 20
export const isHeldOut = (text: string): boolean =>
  Number.parseInt(hashOf(text).slice(0, 8), 16) % HELD_OUT === 0

/**
 * A hash of everything that training texts depend on: the templates' texts, the shop's rules, the mix. A built-in teacher trained
 * with another hash does not know the current templates and must be trained again.
 */
export const nameOfWorld = (): string =>
  hashOf(
    DOCUMENT_KINDS.map(({ name, weight, draw }) => [
      name,
      weight,
      Array.from({ length: 12 }, (_, i) =>
        JSON.stringify(draw(makeRng(`world/${name}/${i}`), { items: 2, isHeldOut })),
      ),
    ]),
  ).slice(0, 16)
