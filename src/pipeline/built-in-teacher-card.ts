// Knows: the card of the built-in teacher: what it is, how it was trained, how it was evaluated.
// Must not know: how it is measured (command-line/measure-built-in-teacher.ts), the page.
import * as v from 'valibot'
import { accept, refuse, type Checked } from '../domain/problem.ts'

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
/** Scores less than half a point off; up to one point off; mean absolute error in points. */
const agreement = v.object({ exact: count, withinOne: count, meanError: v.number(), of: count })
const cardSchema = v.object({
  /** File in the card's folder. */
  file: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,60}\.gguf$/)),
  /** From the file's metadata. */
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(80)),
  /** Name of the world and the templates it was trained on (`nameOfWorld`). */
  world: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
  /** SHA-256 of the file, hexadecimal. */
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  bytes: count,
  /** As in `ModelCard`: identifies a loaded model as the built-in teacher. */
  fingerprint: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
  parameters: count,
  licence: v.pipe(v.string(), v.maxLength(40)),
  /** Training: steps, tokens of all batches, and the loss on held-out documents in nats per token. */
  made: v.object({ steps: count, tokens: count, heldOutLoss: v.number() }),
  measures: v.object({
    /** Held-out word problems, solved greedily. Levels from 1 (one product) to 4 (a basket, a coupon, change). */
    problems: v.array(v.object({ level: v.picklist([1, 2, 3, 4]), right: count, of: count })),
    /** Replies that follow the shop's rules. */
    replies: v.array(v.object({ temperature: v.number(), right: count, of: count })),
    /** Its scores against the true ones, for replies to customers and for solutions of word problems. */
    verdicts: v.array(v.object({ rubric: v.string(), replies: agreement, solutions: agreement })),
    /** Pairwise comparisons, in both orders. */
    pairs: v.object({ right: count, ties: count, of: count }),
    /** Prompts it grew: about the shop; distinct. */
    grown: v.object({ ofShop: count, distinct: count, of: count }),
  }),
})

export type BuiltInTeacherCard = v.InferOutput<typeof cardSchema>
export type Agreement = v.InferOutput<typeof agreement>
export type BuiltInTeacherMeasures = BuiltInTeacherCard['measures']

/** Reads `teacher/card.json`. */
export function parseBuiltInTeacherCard(value: unknown): Checked<BuiltInTeacherCard> {
  const read = v.safeParse(cardSchema, value)
  if (read.success) return accept(read.output)
  const [issue] = read.issues
  return refuse({
    sentence: `The built-in teacher’s card is invalid: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}`,
  })
}
