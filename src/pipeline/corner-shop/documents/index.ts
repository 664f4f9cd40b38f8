// Knows: the mix that the teacher in the box is trained on, and a name for all the words that it depends on.
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

/** Weights of kinds by their names, where they are others than the kinds' own. */
export type Mix = Readonly<Record<string, number>>

/** One document, its kind drawn by weight. */
export const drawDocument = (rng: Rng, options: DrawOptions, mix: Mix = {}): Document =>
  pickByWeight(
    DOCUMENT_KINDS.map(({ name, weight, draw }) => ({ weight: mix[name] ?? weight, draw })),
    rng,
  ).draw(rng, options)

/** Prompts are kept out of training, one in so many, by the hash of their text: what the box is measured on. */
const HELD_OUT = 20
export const isHeldOut = (text: string): boolean =>
  Number.parseInt(hashOf(text).slice(0, 8), 16) % HELD_OUT === 0

/**
 * A name for everything that training texts depend on: the templates' words, the shop's rules, the mix. A box trained under another
 * name does not know the present templates: it has to be trained anew.
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
