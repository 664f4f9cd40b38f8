// Knows: what a situation in the shop is: how customers put it, and what a right reply has to say.
import type { Rng } from '../../domain/rng.ts'
import type { Goods } from './goods.ts'

/** What a situation is about this time. Each situation uses some of it. */
export interface Particulars {
  readonly goods: Goods
  /** 2 to 40. */
  readonly days: number
  readonly weekday: string
  readonly thing: string
}

/** One thing that a right reply says. Every one of its sentences holds the key once. */
export interface Fact {
  readonly topic: string
  /** The words that make it right, as they stand in a reply. */
  readonly key: string
  /** Words that would stand in their place in a wrong reply; none is part of the key or holds it. */
  readonly others: readonly string[]
  readonly sentences: readonly string[]
}

export interface Situation {
  readonly name: string
  /** How often it comes, against others. */
  readonly weight: number
  /** The customer is upset: a right reply apologises. */
  readonly upset: boolean
  /** What stands behind “A customer”. Slots: {goods} {days} {weekday} {thing}. */
  readonly clauses: readonly string[]
  /** What the customer says; the same slots. */
  readonly speeches: readonly string[]
  /** What a right reply says, in order. */
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
/** What people leave in a shop. */
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

/** The slots of a template filled in. */
export const fillSlots = (template: string, { goods, days, weekday, thing }: Particulars): string =>
  template
    .replaceAll('{goods}', goods.name)
    .replaceAll('{days}', String(days))
    .replaceAll('{weekday}', weekday)
    .replaceAll('{thing}', thing)

/** A draw of everything. */
export const drawParticulars = (goods: Goods, rng: Rng): Particulars => ({
  goods,
  days: 2 + rng.below(39),
  weekday: WEEKDAYS[rng.below(7)] as string,
  thing: THINGS[rng.below(THINGS.length)] as string,
})
