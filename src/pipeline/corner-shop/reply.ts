// Knows: a right reply to a customer, what any reply omits or gets wrong, and its true score.
import type { Rng } from '../../domain/rng.ts'
import { chance, pick } from './draws.ts'
import type { Fact } from './situation.ts'
import { SITUATIONS } from './situations/index.ts'
import { factsOf, type ReplyTask } from './task.ts'

const GREETINGS = [
  'Hello!',
  'Good day!',
  'Hello and welcome!',
  'Thank you for asking.',
  'Thank you for your message.',
]
const APOLOGIES = [
  'We are very sorry about that.',
  'I am so sorry.',
  'Please accept our apology.',
  'We apologise for the trouble.',
  'That should not happen, and we are sorry.',
]
const CLOSINGS = [
  'Have a lovely day!',
  'See you soon!',
  'We look forward to your visit.',
  'Just ask if you need anything else.',
]
const APOLOGY = /sorry|apolog/i

/** A reply's sentences by function. */
export interface ReplyParts {
  readonly opening?: string
  readonly facts: readonly string[]
  readonly closing?: string
}

export const joinParts = ({ opening, facts, closing }: ReplyParts): string =>
  [opening, ...facts, closing].filter((part) => part !== undefined).join(' ')

/** A right reply: it apologises if the customer is upset, states every fact, and is friendly; a short one is one sentence. */
export function drawReply(task: ReplyTask, rng: Rng): ReplyParts {
  const {
    situation: { upset },
    short,
  } = task
  const facts = factsOf(task).map(({ sentences }) => pick(sentences, rng))
  if (short) return { facts: upset ? [`We are sorry: ${lowerFirst(facts[0] ?? '')}`] : facts }
  return {
    opening: pick(upset ? APOLOGIES : GREETINGS, rng),
    facts,
    ...(chance(0.7, rng) ? { closing: pick(CLOSINGS, rng) } : {}),
  }
}

const lowerFirst = (text: string): string =>
  /^I\b/.test(text) ? text : text.slice(0, 1).toLowerCase() + text.slice(1)

export const states = ({ key }: Fact, text: string): boolean => text.toLowerCase().includes(key.toLowerCase())
export const contradicts = ({ others }: Fact, text: string): boolean =>
  others.some((other) => text.toLowerCase().includes(other.toLowerCase()))

/** A reply checked against the shop's rules. */
export interface ReplyCheck {
  /** Required facts that it omits. */
  readonly missing: readonly Fact[]
  /** Facts that it contradicts. */
  readonly wrong: readonly Fact[]
  /** The customer is upset, and it does not apologise. */
  readonly unsorry: boolean
  /** It states something irrelevant. */
  readonly chatter: boolean
  /** More than the one requested sentence. */
  readonly long: boolean
  /** It ends in the middle of a sentence. */
  readonly cut: boolean
}

export function checkReply(task: ReplyTask, text: string): ReplyCheck {
  const facts = factsOf(task)
  const topics = new Set(facts.map(({ topic }) => topic))
  const asides = SITUATIONS.flatMap((situation) => situation.facts(task.particulars)).filter(
    ({ topic }) => !topics.has(topic) && !(topic === 'place' && topics.has('stock')),
  )
  return {
    missing: facts.filter((fact) => !states(fact, text)),
    wrong: facts.filter((fact) => contradicts(fact, text)),
    unsorry: task.situation.upset && !APOLOGY.test(text),
    chatter: asides.some((fact) => states(fact, text)),
    cut: !/[.!?]$/.test(text.trim()),
    long: task.short && (text.match(/[.!?](?=\s|$)/g)?.length ?? 0) > 1,
  }
}

/** Whether a reply follows all rules. */
export function followsRules(task: ReplyTask, text: string): boolean {
  const { missing, wrong, ...violations } = checkReply(task, text)
  return (
    missing.length === 0 && wrong.length === 0 && Object.values(violations).every((violated) => !violated)
  )
}

/** The true scores of a reply by the two rubrics: the reference for evaluating a judge. */
export interface TrueScores {
  readonly helpfulness: 1 | 2 | 3 | 4 | 5
  readonly correctness: 1 | 2 | 3 | 4 | 5
}

export function scoreReply(task: ReplyTask, text: string): TrueScores {
  const { missing, wrong, unsorry, chatter, long, cut } = checkReply(task, text)
  const facts = factsOf(task).length
  if (wrong.length > 0)
    return wrong.length < facts ? { helpfulness: 2, correctness: 3 } : { helpfulness: 2, correctness: 2 }
  if (missing.length === facts) return { helpfulness: 1, correctness: 1 }
  if (missing.length > 0) return { helpfulness: 3, correctness: 5 }
  if (unsorry || cut) return { helpfulness: 3, correctness: 5 }
  return chatter || long ? { helpfulness: 4, correctness: 5 } : { helpfulness: 5, correctness: 5 }
}

/** The worst error of a reply, in a sentence. */
export function critiqueReply(task: ReplyTask, text: string): string {
  const { missing, wrong, unsorry, chatter, long, cut } = checkReply(task, text)
  const facts = factsOf(task)
  const [first] = wrong
  if (first) return `It is wrong: it should say "${first.key}".`
  if (missing.length === facts.length) return 'It does not answer the question.'
  if (missing[0]) return `It leaves out "${missing[0].key}".`
  if (unsorry) return 'It does not say sorry.'
  if (cut) return 'It ends in the middle of a sentence.'
  if (chatter) return 'It says more than was asked.'
  if (long) return 'It is longer than one sentence.'
  return 'Nothing is wrong.'
}
