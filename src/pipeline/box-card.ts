// Knows: the card of the teacher in the box: what it is, how it was made, how good it was found to be.
// Must not know: how it is measured (command-line/measure-box.ts), the page.
import * as v from 'valibot'
import { accept, refuse, type Checked } from '../domain/problem.ts'

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
/** Scores less than half a point off; at most one point off; points off on average. */
const agreement = v.object({ exact: count, withinOne: count, meanError: v.number(), of: count })
const cardSchema = v.object({
  /** File beside the card. */
  file: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,60}\.gguf$/)),
  /** As the file's metadata names it. */
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(80)),
  /** Name of the world and the templates it was trained on (`nameOfWorld`). */
  world: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
  /** SHA-256 of the file, hexadecimal. */
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  bytes: count,
  /** As \`ModelCard\` has it: by it a loaded model is known to be the box. */
  fingerprint: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
  parameters: count,
  licence: v.pipe(v.string(), v.maxLength(40)),
  /** Training: steps, tokens of all batches, and the loss on documents it never saw, in nats a token. */
  made: v.object({ steps: count, tokens: count, heldOutLoss: v.number() }),
  measures: v.object({
    /** Word problems it never saw, solved greedily. Levels run from 1 (one product) to 4 (a basket, a coupon, change). */
    problems: v.array(v.object({ level: v.picklist([1, 2, 3, 4]), right: count, of: count })),
    /** Replies that follow the shop's rules. */
    replies: v.array(v.object({ temperature: v.number(), right: count, of: count })),
    /** Its scores against the known ones, for answers of customers and of word problems. */
    verdicts: v.array(v.object({ rubric: v.string(), replies: agreement, solutions: agreement })),
    /** Which of two is better, asked in both orders. */
    pairs: v.object({ right: count, ties: count, of: count }),
    /** Prompts it grew: of the shop; not written twice. */
    grown: v.object({ ofShop: count, distinct: count, of: count }),
  }),
})

export type BoxCard = v.InferOutput<typeof cardSchema>
export type Agreement = v.InferOutput<typeof agreement>
export type BoxMeasures = BoxCard['measures']

/** Reads `teacher/card.json`. */
export function parseBoxCard(value: unknown): Checked<BoxCard> {
  const read = v.safeParse(cardSchema, value)
  if (read.success) return accept(read.output)
  const [issue] = read.issues
  return refuse({
    sentence: `The card of the teacher in the box cannot be read: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}`,
  })
}
