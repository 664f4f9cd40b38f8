// Knows: how fast a real teacher judges: by probabilities behind a shared beginning, and by texts, in batches and alone, turn by turn.
import type { Asked, ChatMessage, CompletionRequest, CompletionResult } from '../../../src/domain/model.ts'
import { askVerdict } from '../../../src/pipeline/judging/expected-score.ts'
import { rubricOf } from '../../../src/pipeline/templates/rubrics.ts'
import { medianOf, timeOf, type Measured, type PartAnswer, type Ratio } from '../measure.ts'
import { openTeacher, PROMPTS, quiet, requestFor } from './teacher-part.ts'

const ANSWER =
  'The sky looks blue because sunlight is made of many colours, and the tiny bits of air scatter the blue part of it the most.'
const TURNS = 3
const MOST_TOKENS = 20
/** What an example's answer begins with where reasons are asked for: else this judge mostly writes “Score: 7” and ends. */
const REASONS =
  'The answer stays with the question and is easy to read, but it leaves out something that the person who asked would miss.'

/** The same chat, asked for a sentence of reasons before the score, and with reasons in its examples. */
function withReasons(asked: Asked): Asked {
  if (asked.kind === 'raw') return asked
  const reword = ({ role, content }: ChatMessage): string => {
    if (role === 'assistant') return `${REASONS} ${content}`
    return content.replace(
      'Reply with the score only',
      'Reply with one sentence of reasons and then the score',
    )
  }
  return {
    kind: 'chat',
    messages: asked.messages.map((message) => ({ ...message, content: reword(message) })),
  }
}

/** Sixteen verdicts under one rubric in each way, three times in turn. Texts share the rubric's beginning too, where they are asked together. */
export async function measureJudging(): Promise<PartAnswer> {
  const teacher = await openTeacher()
  const rubric = rubricOf('helpfulness@1', '')
  const asked = [0, 1].flatMap((round) =>
    PROMPTS.map((prompt, index) =>
      askVerdict(`${round}.${index}`, { prompt, completion: `${ANSWER} (${index})` }, rubric),
    ),
  )
  const short = asked.map(({ id, asked: chat }) => requestFor(id, chat, MOST_TOKENS))
  const long = asked.map(({ id, asked: chat }) => requestFor(id, withReasons(chat), MOST_TOKENS))
  const times = {
    probabilities: [] as number[],
    shortTogether: [] as number[],
    shortAlone: [] as number[],
    longTogether: [] as number[],
    longAlone: [] as number[],
  }
  const written = { short: 0, long: 0 }
  const together = (requests: readonly CompletionRequest[], length: keyof typeof written): Promise<number> =>
    timeOf(() =>
      teacher.complete(requests, {
        ...quiet,
        onResult: ({ tokens }: CompletionResult) => (written[length] += tokens / (requests.length * TURNS)),
      }),
    )
  const alone = (requests: readonly CompletionRequest[]): Promise<number> =>
    timeOf(async () => {
      for (const request of requests) await teacher.complete([request], quiet)
    })
  await teacher.score(asked, quiet) // the shared beginning is there for all that follow, as it is after a run's first batch
  for (let turn = 0; turn < TURNS; turn += 1) {
    times.probabilities.push(await timeOf(() => teacher.score(asked, quiet)))
    times.shortTogether.push(await together(short, 'short'))
    times.longTogether.push(await together(long, 'long'))
    times.shortAlone.push(await alone(short))
    times.longAlone.push(await alone(long))
  }
  await teacher.release()
  const each = (of: readonly number[]): number => medianOf(of) / asked.length
  const how = `${asked.length} verdicts, the middle of ${TURNS} turns, SmolLM2-135M Q4_1`
  const ways = [
    { name: 'text in batches of 8', of: times.shortTogether, tokens: written.short },
    { name: 'text one at a time', of: times.shortAlone, tokens: written.short },
    { name: 'text with reasons in batches of 8', of: times.longTogether, tokens: written.long },
    { name: 'text with reasons one at a time', of: times.longAlone, tokens: written.long },
  ]
  const measured: Measured[] = [
    {
      what: 'a verdict by probabilities, shared beginning, batches of 8',
      value: each(times.probabilities),
      unit: 'ms',
      how,
    },
  ]
  const ratios: Ratio[] = []
  for (const { name, of, tokens } of ways) {
    measured.push({
      what: `a verdict as ${name}`,
      value: each(of),
      unit: 'ms',
      how: `${tokens.toFixed(1)} tokens each, at most ${MOST_TOKENS}`,
    })
    ratios.push({
      what: `verdicts by probabilities against ${name}, how much faster${name.includes('reasons one') ? ' (goal 5)' : ''}`,
      ratio: each(of) / each(times.probabilities),
    })
  }
  return { measured, ratios }
}
