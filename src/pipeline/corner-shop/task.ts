// Knows: how a customer's situation becomes a prompt, and how to read it back from such a text.
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
  /** The reply must be one sentence. */
  readonly short: boolean
  /** What else the reply must state. */
  readonly extra?: Extra
  /** The prompt. */
  readonly text: string
}

/** An additional request of a task. */
export interface Extra {
  readonly request: string
  fact(particulars: Particulars): Fact
}

export const EXTRAS: readonly Extra[] = [
  { request: 'Also say when we are open on Sunday.', fact: () => hoursFact('Sunday') },
  { request: 'Also say how one can pay.', fact: () => paymentFact() },
  { request: 'Also say where to find the {goods}.', fact: ({ goods }) => placeFact(goods) },
  { request: 'Also say what the {goods} cost.', fact: ({ goods }) => priceFact(goods) },
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

/** The facts of a right reply, in order. */
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

/** An additional request that the situation does not cover already. */
export function drawExtra(situation: Situation, particulars: Particulars, rng: Rng): Extra | undefined {
  const topics = new Set(situation.facts(particulars).map(({ topic }) => topic))
  if (topics.has('stock') || topics.has('delivery')) topics.add('place')
  return pick(
    EXTRAS.filter((extra) => !topics.has(extra.fact(particulars).topic)),
    rng,
  )
}

/** A situation as a prompt, in random words. */
export function writeTask(what: Omit<ReplyTask, 'text'>, rng: Rng): ReplyTask {
  const { situation, particulars, short, extra } = what
  const customer = drawCustomer(rng)
  const description = chance(0.6, rng)
    ? `${customer} ${fillSlots(pick(situation.clauses, rng), particulars)}.`
    : `${customer} says: "${fillSlots(pick(situation.speeches, rng), particulars)}"`
  const instruction = pick(short ? SHORT_INSTRUCTIONS : INSTRUCTIONS, rng)
  return {
    ...what,
    text: [description, instruction, ...(extra ? [fillSlots(extra.request, particulars)] : [])].join(' '),
  }
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
const EXTRA_PATTERNS = EXTRAS.map((extra) => ({
  extra,
  expression: new RegExp(` ${toPattern(extra.request)}$`),
}))

/** The task of a prompt, if it is one of the shop's; undefined for any other text. */
export function readTask(text: string): ReplyTask | undefined {
  for (const { situation, expression } of PATTERNS) {
    const groups = expression.exec(text)?.groups
    if (groups === undefined && !expression.test(text)) continue
    const found = EXTRA_PATTERNS.find(({ expression: request }) => request.test(text))
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
