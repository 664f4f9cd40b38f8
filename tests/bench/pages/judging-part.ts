// Knows: how fast a real teacher judges: by token probabilities with a shared prefix, and by generated text, batched and one by one, in alternating rounds.
import type {
  PromptInput,
  ChatMessage,
  CompletionRequest,
  CompletionResult,
} from '../../../src/domain/completion-request.ts'
import { buildVerdictRequest } from '../../../src/pipeline/judging/expected-score.ts'
import { rubricOf } from '../../../src/pipeline/templates/rubrics.ts'
import { medianOf, timeOf, type Measured, type PartResult, type Ratio } from '../measure.ts'
import { openTeacher, PROMPTS, quiet, requestFor } from './teacher-part.ts'

const ANSWER =
  'The sky looks blue because sunlight is made of many colours, and the tiny bits of air scatter the blue part of it the most.'
const ROUNDS = 3
const MAX_TOKENS = 20
/** Start of an example's answer with reasons: otherwise this judge mostly generates “Score: 7” and ends. */
const REASONS =
  'The answer stays with the question and is easy to read, but it leaves out something that the reader would miss.'

/** The same chat with instructions to give a sentence of reasons before the score, and with reasons in its examples. */
function withReasons(input: PromptInput): PromptInput {
  if (input.kind === 'raw') return input
  const reword = ({ role, content }: ChatMessage): string => {
    if (role === 'assistant') return `${REASONS} ${content}`
    return content.replace(
      'Reply with the score only',
      'Reply with one sentence of reasons and then the score',
    )
  }
  return {
    kind: 'chat',
    messages: input.messages.map((message) => ({ ...message, content: reword(message) })),
  }
}

/** Sixteen verdicts with one rubric in each way, in three rounds. Batched texts share the rubric's prefix too. */
export async function measureJudging(): Promise<PartResult> {
  const teacher = await openTeacher()
  const rubric = rubricOf('helpfulness@1', '')
  const requests = [0, 1].flatMap((round) =>
    PROMPTS.map((prompt, index) =>
      buildVerdictRequest(`${round}.${index}`, { prompt, completion: `${ANSWER} (${index})` }, rubric),
    ),
  )
  const short = requests.map(({ id, input: chat }) => requestFor(id, chat, MAX_TOKENS))
  const long = requests.map(({ id, input: chat }) => requestFor(id, withReasons(chat), MAX_TOKENS))
  const times = {
    probabilities: [] as number[],
    shortBatched: [] as number[],
    shortAlone: [] as number[],
    longBatched: [] as number[],
    longAlone: [] as number[],
  }
  const written = { short: 0, long: 0 }
  const batched = (texts: readonly CompletionRequest[], length: keyof typeof written): Promise<number> =>
    timeOf(() =>
      teacher.complete(texts, {
        ...quiet,
        onResult: ({ tokens }: CompletionResult) => (written[length] += tokens / (texts.length * ROUNDS)),
      }),
    )
  const alone = (texts: readonly CompletionRequest[]): Promise<number> =>
    timeOf(async () => {
      for (const text of texts) await teacher.complete([text], quiet)
    })
  await teacher.score(requests, quiet) // fills the prefix cache, as a run's first batch does
  for (let round = 0; round < ROUNDS; round += 1) {
    times.probabilities.push(await timeOf(() => teacher.score(requests, quiet)))
    times.shortBatched.push(await batched(short, 'short'))
    times.longBatched.push(await batched(long, 'long'))
    times.shortAlone.push(await alone(short))
    times.longAlone.push(await alone(long))
  }
  await teacher.release()
  const each = (of: readonly number[]): number => medianOf(of) / requests.length
  const how = `${requests.length} verdicts, median of ${ROUNDS} rounds, SmolLM2-135M Q4_1`
  const ways = [
    { name: 'text, batch 8', of: times.shortBatched, tokens: written.short },
    { name: 'text, batch 1', of: times.shortAlone, tokens: written.short },
    { name: 'text with reasons, batch 8', of: times.longBatched, tokens: written.long },
    { name: 'text with reasons, batch 1', of: times.longAlone, tokens: written.long },
  ]
  const measured: Measured[] = [
    {
      what: 'a verdict by probabilities, shared prefix, batch 8',
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
      how: `${tokens.toFixed(1)} tokens each, max ${MAX_TOKENS}`,
    })
    ratios.push({
      what: `speed-up of verdicts by probabilities over ${name}${name.includes('reasons, batch 1') ? ' (goal 5)' : ''}`,
      ratio: each(of) / each(times.probabilities),
    })
  }
  return { measured, ratios }
}
