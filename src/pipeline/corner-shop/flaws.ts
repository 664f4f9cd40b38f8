// Knows: the ways in which a reply can be wrong or incomplete; each writes a text, and the rules (reply.ts) score it.
import { shuffle, type Rng } from '../../domain/rng.ts'
import { pick } from './draws.ts'
import { drawReply, joinParts } from './reply.ts'
import { drawTask, factsOf, type ReplyTask } from './task.ts'

export interface Flaw {
  readonly name: string
  readonly weight: number
  /** A flawed reply; undefined if the task does not allow this flaw. */
  write(task: ReplyTask, rng: Rng): string | undefined
}

export const FLAWS: readonly Flaw[] = [
  { name: 'none', weight: 5, write: (task, rng) => joinParts(drawReply(task, rng)) },
  {
    name: 'chatter',
    weight: 3,
    write: (task, rng) => {
      const { closing, ...parts } = drawReply(task, rng)
      const topics = new Set(factsOf(task).map(({ topic }) => topic))
      const aside = factsOf(drawTask(rng)).find(
        ({ topic }) =>
          !topics.has(topic) &&
          !['stock', 'place', 'price', 'origin', 'hours', 'return', 'amends', 'thanks'].includes(topic),
      )
      return (
        aside &&
        joinParts({
          ...parts,
          facts: [...parts.facts, pick(aside.sentences, rng)],
          ...(closing ? { closing } : {}),
        })
      )
    },
  },
  {
    name: 'unsorry',
    weight: 3,
    write: (task, rng) =>
      task.situation.upset
        ? joinParts({
            opening: pick(['Hello!', 'Good day!'], rng),
            facts: factsOf(task).map(({ sentences }) => pick(sentences, rng)),
          })
        : undefined,
  },
  {
    name: 'incomplete',
    weight: 3,
    write: (task, rng) => {
      const parts = drawReply(task, rng)
      return parts.facts.length > 1 ? joinParts({ ...parts, facts: [pick(parts.facts, rng)] }) : undefined
    },
  },
  {
    name: 'wrong',
    weight: 5,
    write: (task, rng) => {
      const facts = factsOf(task)
      const parts = drawReply(task, rng)
      const at = rng.below(facts.length)
      const { key, others } = facts[at] as (typeof facts)[number]
      return joinParts({
        ...parts,
        facts: parts.facts.map((sentence, i) =>
          i === at ? sentence.replace(key, pick(others, rng)) : sentence,
        ),
      })
    },
  },
  {
    name: 'cut',
    weight: 1,
    write: (task, rng) => {
      const words = joinParts(drawReply(task, rng)).split(' ')
      return words.slice(0, 2 + rng.below(Math.max(1, words.length - 3))).join(' ')
    },
  },
  {
    name: 'empty',
    weight: 1,
    write: (_, rng) =>
      pick(
        [
          'Hello! Have a lovely day!',
          'Thank you for your message.',
          'We look forward to your visit. See you soon!',
          'Just ask if you need anything else.',
        ],
        rng,
      ),
  },
  {
    name: 'other',
    weight: 3,
    write: (task, rng) => {
      const topics = new Set(factsOf(task).map(({ topic }) => topic))
      const other = drawTask(rng)
      return factsOf(other).some(({ topic }) => topics.has(topic))
        ? undefined
        : joinParts(drawReply(other, rng))
    },
  },
  {
    name: 'nonsense',
    weight: 2,
    write: (task, rng) => {
      const words = joinParts(drawReply(task, rng)).split(' ')
      const others = joinParts(drawReply(drawTask(rng), rng)).split(' ')
      switch (rng.below(4)) {
        case 0:
          return shuffle(words, rng).join(' ')
        case 1:
          return shuffle([...words, ...others], rng)
            .slice(0, 6 + rng.below(12))
            .join(' ')
        case 2:
          return Array.from({ length: 6 + rng.below(12) }, () => pick(words, rng)).join(' ')
        default:
          return Array.from({ length: 6 + rng.below(8) }, () => words[0]).join(' ')
      }
    },
  },
]
