// Knows: what a customer's situation becomes when it is asked of a model, and how to read it back from such a text.
// Must not know: what a right reply is (reply.ts).
import type { Rng } from '../../domain/rng.ts'
import { chance, pick, pickByWeight } from './draws.ts'
import { drawGoods, GOODS } from './goods.ts'
import { drawCustomer } from './people.ts'
import { hoursFact, paymentFact, placeFact, priceFact } from './rules.ts'
import {
  drawParticulars,
  fillSlots,
  THINGS,
  WEEKDAYS,
  type Fact,
  type Particulars,
  type Situation,
} from './situation.ts'
import { SITUATIONS } from './situations/index.ts'

/** A customer's situation as a task. */
export interface ReplyTask {
  readonly situation: Situation
  readonly particulars: Particulars
  /** The reply may have one sentence only. */
  readonly short: boolean
  /** What else the reply has to say. */
  readonly extra?: Extra
  /** The task in words. */
  readonly text: string
}

/** Something that a task asks for besides. */
export interface Extra {
  readonly ask: string
  fact(particulars: Particulars): Fact
}

export const EXTRAS: readonly Extra[] = [
  { ask: 'Also say when we are open on Sunday.', fact: () => hoursFact('Sunday') },
  { ask: 'Also say how one can pay.', fact: () => paymentFact() },
  { ask: 'Also say where to find the {goods}.', fact: ({ goods }) => placeFact(goods) },
  { ask: 'Also say what the {goods} cost.', fact: ({ goods }) => priceFact(goods) },
]

const INSTRUCTIONS = [
  'Write a friendly reply.',
  'Reply politely.',
  'Write a short reply.',
  'Write a warm answer.',
  'Answer kindly.',
  'What do you answer?',
  'Write an answer.',
  'Please reply.',
  'Help this customer.',
  'What would you say?',
]
const SHORT_INSTRUCTIONS = ['Answer in one sentence.', 'Reply in one sentence.', 'Say it in one sentence.']

/** What a right reply says, in order. */
export const factsOf = ({
  situation,
  particulars,
  extra,
}: Pick<ReplyTask, 'situation' | 'particulars' | 'extra'>): readonly Fact[] => [
  ...situation.facts(particulars),
  ...(extra ? [extra.fact(particulars)] : []),
]

/** A task drawn from the shop's own distribution. */
export function drawTask(rng: Rng): ReplyTask {
  const situation = pickByWeight(SITUATIONS, rng)
  const particulars = drawParticulars(drawGoods(rng), rng)
  const short = chance(0.2, rng)
  const extra = !short && chance(0.12, rng) ? drawExtra(situation, particulars, rng) : undefined
  return writeTask({ situation, particulars, short, ...(extra ? { extra } : {}) }, rng)
}

/** Something else to ask for, of which the situation does not speak anyway. */
export function drawExtra(situation: Situation, particulars: Particulars, rng: Rng): Extra | undefined {
  const topics = new Set(situation.facts(particulars).map(({ topic }) => topic))
  if (topics.has('stock') || topics.has('delivery')) topics.add('place')
  return pick(
    EXTRAS.filter((extra) => !topics.has(extra.fact(particulars).topic)),
    rng,
  )
}

/** A situation in words, drawn among the ways to put it. */
export function writeTask(what: Omit<ReplyTask, 'text'>, rng: Rng): ReplyTask {
  const { situation, particulars, short, extra } = what
  const customer = drawCustomer(rng)
  const told = chance(0.6, rng)
    ? `${customer} ${fillSlots(pick(situation.clauses, rng), particulars)}.`
    : `${customer} says: "${fillSlots(pick(situation.speeches, rng), particulars)}"`
  const asked = pick(short ? SHORT_INSTRUCTIONS : INSTRUCTIONS, rng)
  return { ...what, text: [told, asked, ...(extra ? [fillSlots(extra.ask, particulars)] : [])].join(' ') }
}

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
const anyOf = (items: readonly string[]): string =>
  items
    .toSorted((a, b) => b.length - a.length)
    .map(escape)
    .join('|')
const SLOTS: Readonly<Record<string, string>> = {
  goods: anyOf(GOODS.map(({ name }) => name)),
  days: String.raw`\d+`,
  weekday: anyOf(WEEKDAYS),
  thing: anyOf(THINGS),
}

/** A template as an expression with a named group for each slot. */
const toPattern = (template: string): string =>
  template
    .split(/\{(\w+)\}/)
    .map((part, i) => (i % 2 === 0 ? escape(part) : `(?<${part}>${SLOTS[part] ?? ''})`))
    .join('')

const PATTERNS = SITUATIONS.flatMap((situation) => [
  ...situation.clauses.map((clause) => ({ situation, expression: new RegExp(` ${toPattern(clause)}\\. `) })),
  ...situation.speeches.map((speech) => ({
    situation,
    expression: new RegExp(`says: "${toPattern(speech)}" `),
  })),
])
const EXTRA_PATTERNS = EXTRAS.map((extra) => ({ extra, expression: new RegExp(` ${toPattern(extra.ask)}$`) }))

/** The task that a text puts, where it is one of the shop's; undefined where a model has written something else. */
export function readTask(text: string): ReplyTask | undefined {
  for (const { situation, expression } of PATTERNS) {
    const groups = expression.exec(text)?.groups
    if (groups === undefined && !expression.test(text)) continue
    const found = EXTRA_PATTERNS.find(({ expression: ask }) => ask.test(text))
    const named = groups?.['goods'] ?? found?.expression.exec(text)?.groups?.['goods']
    const particulars: Particulars = {
      goods: GOODS.find(({ name }) => name === named) ?? (GOODS[0] as (typeof GOODS)[number]),
      days: Number(groups?.['days'] ?? 2),
      weekday: groups?.['weekday'] ?? 'Monday',
      thing: groups?.['thing'] ?? 'a book',
    }
    return {
      situation,
      particulars,
      short: /in one sentence\./.test(text),
      ...(found ? { extra: found.extra } : {}),
      text,
    }
  }
  return undefined
}
