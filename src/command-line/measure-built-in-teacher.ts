// Knows: how good the built-in teacher is, measured on held-out prompts against the shop's rules. Seeds start with `box` so that the numbers
// on the card can be reproduced.
// Must not know: how it was trained.
import type { CompletionResult, ScoreResult } from '../domain/completion-request.ts'
import type { ModelRef } from '../domain/model-card.ts'
import { GREEDY, type Sampling } from '../domain/sampling.ts'
import { makeRng } from '../domain/rng.ts'
import { drawItemSource } from '../pipeline/corner-shop/items.ts'
import { writeMoney } from '../pipeline/corner-shop/goods.ts'
import { isHeldOut } from '../pipeline/corner-shop/documents/index.ts'
import { readNote } from '../pipeline/corner-shop/notes.ts'
import { PROBLEM_KINDS, solveProblem } from '../pipeline/corner-shop/problems/index.ts'
import { followsRules } from '../pipeline/corner-shop/reply.ts'
import { drawTask, readTask } from '../pipeline/corner-shop/task.ts'
import { buildPairRequests, readPair } from '../pipeline/judging/pairwise.ts'
import { buildVerdictRequest, readVerdict } from '../pipeline/judging/expected-score.ts'
import { selfInstruct } from '../pipeline/growing/self-instruct.ts'
import { decideUsable } from '../pipeline/growing/read-grown.ts'
import { checkSettings } from '../domain/settings.ts'
import { growthStops, writeGrowthText } from '../pipeline/templates/self-instruct.ts'
import { rubricOf, RUBRIC_NAMES } from '../pipeline/templates/rubrics.ts'
import type { EngineTeacher } from '../../workers/teachers/engine-teacher.ts'
import type { Agreement, BuiltInTeacherMeasures } from '../pipeline/built-in-teacher-card.ts'
import { verifyFinalAnswer } from '../pipeline/verifiers/final-answer.ts'

const JUDGE: ModelRef = { name: 'built-in', fingerprint: 'built-in', quantisation: 'F16' }

export interface MeasureSize {
  /** Problems per level, replies, verdicts per rubric, pairs. */
  readonly problems: number
  readonly replies: number
  readonly verdicts: number
  readonly pairs: number
  /** Growth requests. */
  readonly requests: number
}

/** All measures on the card. Prompts are held out of training (`isHeldOut`) and drawn from seeds of their own. */
export async function measureBuiltInTeacher(
  teacher: EngineTeacher,
  size: MeasureSize,
  report: (line: string) => void,
): Promise<BuiltInTeacherMeasures> {
  const problems: BuiltInTeacherMeasures['problems'][number][] = []
  for (const { level, draw } of PROBLEM_KINDS) {
    const rng = makeRng(`box/measure/problems/${level}`)
    const drawn = Array.from({ length: size.problems }, () => drawHeldOut(() => draw(rng)))
    const answers = await complete(
      teacher,
      drawn.map(({ text }) => text),
      { ...GREEDY, maxTokens: 160 },
    )
    const right = drawn.filter(
      ({ cents }, i) => verifyFinalAnswer(answers[i]?.text ?? '', writeMoney(cents)) === true,
    ).length
    problems.push({ level, right, of: drawn.length })
    report(`problems of level ${level}: ${right} of ${drawn.length}`)
  }
  const replies: BuiltInTeacherMeasures['replies'][number][] = []
  for (const temperature of [0, 0.7]) {
    const rng = makeRng('box/measure/replies')
    const drawn = Array.from({ length: size.replies }, () => drawHeldOut(() => drawTask(rng)))
    const answers = await complete(
      teacher,
      drawn.map(({ text }) => text),
      { ...GREEDY, temperature, maxTokens: 120 },
    )
    const right = drawn.filter((task, i) => followsRules(task, answers[i]?.text ?? '')).length
    replies.push({ temperature, right, of: drawn.length })
    report(`replies at temperature ${temperature}: ${right} of ${drawn.length}`)
  }
  const verdicts: BuiltInTeacherMeasures['verdicts'][number][] = []
  for (const rubric of RUBRIC_NAMES)
    verdicts.push(await measureVerdicts(teacher, rubric, size.verdicts, report))
  const pairs = await measurePairs(teacher, size.pairs, report)
  const grown = await measureGrowth(teacher, size.requests, report)
  return { problems, replies, verdicts, pairs, grown }
}

function drawHeldOut<T extends { readonly text: string }>(draw: () => T): T {
  for (;;) {
    const drawn = draw()
    if (isHeldOut(drawn.text)) return drawn
  }
}

async function complete(
  teacher: EngineTeacher,
  prompts: readonly string[],
  sampling: Omit<Sampling, 'rngSeed'>,
): Promise<CompletionResult[]> {
  const results: CompletionResult[] = []
  await teacher.complete(
    prompts.map((content, i) => ({
      id: String(i),
      input: { kind: 'chat', messages: [{ role: 'user', content }] },
      sampling: { ...sampling, rngSeed: `box/measure/${i}` },
    })),
    {
      signal: new AbortController().signal,
      onProgress: () => {},
      onResult: (result) => void (results[Number(result.id)] = result),
    },
  )
  return results
}

async function score(
  teacher: EngineTeacher,
  requests: Parameters<EngineTeacher['score']>[0],
): Promise<Map<string, ScoreResult>> {
  const results = new Map<string, ScoreResult>()
  await teacher.score(requests, {
    signal: new AbortController().signal,
    onProgress: () => {},
    onResult: (result) => void results.set(result.id, result),
  })
  return results
}

/** Prompts that training may have seen, which are skipped. */
const wasTrained = (text: string): boolean => !isHeldOut(text)

/** Scores replies to customers and solutions of problems separately. */
async function measureVerdicts(
  teacher: EngineTeacher,
  rubric: (typeof RUBRIC_NAMES)[number],
  count: number,
  report: (line: string) => void,
): Promise<BuiltInTeacherMeasures['verdicts'][number]> {
  const measure = async (what: 'replies' | 'solutions'): Promise<Agreement> => {
    const rng = makeRng(`box/measure/verdicts/${rubric}/${what}`)
    const isOther = (text: string): boolean =>
      wasTrained(text) || (solveProblem(text) !== undefined) !== (what === 'solutions')
    const items = Array.from({ length: count }, () => drawItemSource(rng, isOther).draw(rng))
    const results = await score(
      teacher,
      items.map((item, i) =>
        buildVerdictRequest(String(i), item, rubricOf(rubric, ''), teacher.description.contextLength),
      ),
    )
    const errors = items.map(({ scores }, i) => {
      const verdict = readVerdict(results.get(String(i)) ?? { logProbs: [] }, {
        rubric,
        judge: JUDGE,
        minMass: 0.01,
      })
      return verdict.kind === 'score'
        ? Math.abs(
            verdict.score - (rubric.startsWith('helpfulness') ? scores.helpfulness : scores.correctness),
          )
        : 4
    })
    const measured = {
      exact: errors.filter((error) => error < 0.5).length,
      withinOne: errors.filter((error) => error <= 1).length,
      meanError: Math.round((100 * errors.reduce((sum, error) => sum + error, 0)) / count) / 100,
      of: count,
    }
    report(
      `verdicts on ${what} by ${rubric}: ${measured.exact} of ${count} right, ${measured.withinOne} within one, ${measured.meanError} points off on average`,
    )
    return measured
  }
  return { rubric, replies: await measure('replies'), solutions: await measure('solutions') }
}

async function measurePairs(
  teacher: EngineTeacher,
  count: number,
  report: (line: string) => void,
): Promise<BuiltInTeacherMeasures['pairs']> {
  const rng = makeRng('box/measure/pairs')
  const rubric = rubricOf('helpfulness@1', '')
  const pairs = Array.from({ length: count }, () => {
    for (;;) {
      const source = drawItemSource(rng, wasTrained)
      const [first, second] = [source.draw(rng), source.draw(rng)]
      if (first.scores.helpfulness !== second.scores.helpfulness)
        return {
          prompt: source.prompt,
          first: first.completion,
          second: second.completion,
          better: first.scores.helpfulness > second.scores.helpfulness ? 'first' : 'second',
        }
    }
  })
  const results = await score(
    teacher,
    pairs.flatMap((pair, i) => buildPairRequests(String(i), pair, rubric, teacher.description.contextLength)),
  )
  const none = { logProbs: [] }
  const outcomes = pairs.map(
    (pair, i) => readPair(results.get(`${i}/1`) ?? none, results.get(`${i}/2`) ?? none, JUDGE, pair).outcome,
  )
  const measured = {
    right: outcomes.filter((outcome, i) => outcome === pairs[i]?.better).length,
    ties: outcomes.filter((outcome) => outcome === 'tie').length,
    of: count,
  }
  report(`pairs: ${measured.right} of ${count} right, ${measured.ties} ties`)
  return measured
}

/** The examples in a prompt are tasks or problems, like a person's seeds. */
async function measureGrowth(
  teacher: EngineTeacher,
  count: number,
  report: (line: string) => void,
): Promise<BuiltInTeacherMeasures['grown']> {
  const checked = checkSettings(selfInstruct.settings, {})
  if (!checked.ok) throw new Error('Self-Instruct refuses its own defaults.')
  const settings = checked.value
  const rng = makeRng('box/measure/growth')
  const results: CompletionResult[] = []
  await teacher.complete(
    Array.from({ length: count }, (_, i) => {
      const drawOne =
        i % 2 === 0
          ? () => drawTask(rng).text
          : () => (PROBLEM_KINDS[rng.below(PROBLEM_KINDS.length)] ?? PROBLEM_KINDS[0])?.draw(rng).text ?? ''
      const input = {
        kind: 'raw' as const,
        text: writeGrowthText(Array.from({ length: settings.humanShots }, drawOne)),
      }
      const { temperature, topP, maxTokens, lastItem } = settings
      return {
        id: String(i),
        input,
        sampling: {
          ...GREEDY,
          temperature,
          topP,
          maxTokens,
          stop: growthStops(lastItem),
          rngSeed: `box/measure/growth/${i}`,
        },
      }
    }),
    {
      signal: new AbortController().signal,
      onProgress: () => {},
      onResult: (result) => void results.push(result),
    },
  )
  // The last item of a truncated list is incomplete.
  const texts = results
    .flatMap(({ text, finishReason }) =>
      text.split(/\n\s*\d+\s?[.)](?=\s|$)/).slice(0, finishReason === 'end' ? undefined : -1),
    )
    .map((text) => text.trim())
    .filter((text) => text !== '' && decideUsable(text, settings).kind === 'kept')
  const ofShop = texts.filter(
    (text) =>
      readTask(text) !== undefined || solveProblem(text) !== undefined || readNote(text) !== undefined,
  )
  const measured = { ofShop: ofShop.length, distinct: new Set(texts).size, of: texts.length }
  report(`grown: ${measured.ofShop} of ${texts.length} are about the shop, ${measured.distinct} are distinct`)
  return measured
}
