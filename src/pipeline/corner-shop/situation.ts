// Knows: what a situation in the shop is: how customers describe it, and what a right reply must state.
import type { Rng } from '../../domain/rng.ts'
import type { Goods } from './goods.ts'

/** The particulars of a drawn situation. Each situation uses some of them. */
export interface Particulars {
  readonly goods: Goods
  /** 2 to 40. */
  readonly days: number
  readonly weekday: string
  readonly thing: string
}

/** One fact that a right reply states. Each of its sentences contains the key once. */
export interface Fact {
  readonly topic: string
  /** The words in a reply that make it right. */
  readonly key: string
  /** Words that replace the key in a wrong reply; none is part of the key or contains it. */
  readonly others: readonly string[]
  readonly sentences: readonly string[]
}

export interface Situation {
  readonly name: string
  /** How often it occurs, relative to others. */
  readonly weight: number
  /** The customer is upset: a right reply apologises. */
  readonly upset: boolean
  /** Text after “A customer”. Slots: {goods} {days} {weekday} {thing}. */
  readonly clauses: readonly string[]
  /** The customer's words; the same slots. */
  readonly speeches: readonly string[]
  /** The facts of a right reply, in order. */
  facts(particulars: Particulars): readonly Fact[]
}

/** Declares a situation; see `situations/`. */
export const defineSituation = (situation: Situation): Situation => situation

export const WEEKDAYS: readonly string[] = [
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
  'Sunday',
]
/** Things that people leave in a shop. */
export const THINGS: readonly string[] = [
  'an umbrella',
  'a scarf',
  'a bunch of keys',
  'a phone',
  'a wallet',
  'a pair of gloves',
  'a book',
  'a hat',
]

/** A template with its slots filled. */
export const fillSlots = (template: string, { goods, days, weekday, thing }: Particulars): string =>
  template
    .replaceAll('{goods}', goods.name)
    .replaceAll('{days}', String(days))
    .replaceAll('{weekday}', weekday)
    .replaceAll('{thing}', thing)

/** Random particulars. */
export const drawParticulars = (goods: Goods, rng: Rng): Particulars => ({
  goods,
  days: 2 + rng.below(39),
  weekday: WEEKDAYS[rng.below(7)] as string,
  thing: THINGS[rng.below(THINGS.length)] as string,
})
