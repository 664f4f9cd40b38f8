// Knows: the comparison of a student with itself before training and with its teacher on one prompt, as a program: three texts, three
// scores, two pairs in both orders.
import { CONTENDERS, type ComparedPrompt, type Contender } from '../../domain/comparison.ts'
import type { ChatMessage } from '../../domain/completion-request.ts'
import type { RowId } from '../../domain/id.ts'
import type { Role } from '../../domain/role.ts'
import { GREEDY } from '../../domain/sampling.ts'
import { writePromptChat } from '../completing/complete.ts'
import { judgeText, type Judging } from '../judging/judge-program.ts'
import { comparePair } from '../judging/pair-program.ts'
import { all, complete, emit, type Program } from '../programs/program.ts'

/** Work that is done: a text, a score, or the orders of a pair. */
export type ComparedUnit = { readonly kind: 'text' | 'score' } | { readonly kind: 'pair'; readonly orders: 2 }

/** Units of one prompt: texts, scores and ordered pairs. */
export const UNITS_PER_PROMPT = 3 + 3 + 4

export interface HeldOutPrompt {
  readonly rowId: RowId
  readonly prompt: string
  /** The messages before the prompt, if there are any. */
  readonly earlier?: readonly ChatMessage[]
  readonly system: string
  /** Index among the prompts of the comparison: part of the ids of requests. */
  readonly index: number
}

/** The role of a contender in its calls; that of a student is no name that a recipe can have. */
export const roleOfContender = (who: Contender): Role => (who === 'teacher' ? who : `student ${who}`)

/** Compares greedy completions of all three, each by the role `roleOfContender`; the role of `judging` judges. */
export function* comparePrompt(
  { rowId, prompt, earlier, system, index }: HeldOutPrompt,
  judging: Judging,
  maxTokens: number,
): Program<ComparedPrompt, ComparedUnit> {
  const texts = yield* all(
    CONTENDERS.map(function* (who): Program<string, ComparedUnit> {
      const { text } = yield* complete(roleOfContender(who), {
        id: `${index}/${who}`,
        input: writePromptChat(prompt, system, earlier),
        sampling: { ...GREEDY, maxTokens, rngSeed: 'compare' },
      })
      yield* emit<ComparedUnit>({ kind: 'text' })
      return text.trim()
    }),
  )
  const textOf = (who: Contender): string => texts[CONTENDERS.indexOf(who)] ?? ''
  const scores = yield* all(
    CONTENDERS.map(function* (who) {
      const verdict = yield* judgeText(
        `${index}/${who}`,
        { prompt, earlier, completion: textOf(who) },
        judging,
      )
      yield* emit<ComparedUnit>({ kind: 'score' })
      return { who, verdict }
    }),
  )
  const pairWith = function* (other: 'before' | 'teacher') {
    const pair = { prompt, earlier, first: textOf('after'), second: textOf(other) }
    const verdict = yield* comparePair(`${index}/${other}`, pair, judging)
    yield* emit<ComparedUnit>({ kind: 'pair', orders: 2 })
    return verdict
  }
  const [afterBefore, afterTeacher] = yield* all([pairWith('before'), pairWith('teacher')])
  const [before, after, teacher] = CONTENDERS.map((who) => scores.find((score) => score.who === who)?.verdict)
  if (!afterBefore || !afterTeacher || !before || !after || !teacher)
    throw new TypeError('a comparison lacks a verdict')
  return {
    rowId,
    prompt,
    ...(earlier ? { earlier } : {}),
    texts: { before: textOf('before'), after: textOf('after'), teacher: textOf('teacher') },
    verdicts: { before, after, teacher },
    afterBefore,
    afterTeacher,
  }
}
