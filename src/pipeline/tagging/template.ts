// Knows: the step of a person's own: a template over a row's texts and fields, the response of a model to it, and how it is read into a
// named field.
import { FIELD_LIMIT, FIELD_NAME_LIMIT, MAX_FIELDS, type Fields } from '../../domain/fields.ts'
import { kept } from '../../domain/filter-decision.ts'
import type { PromptInput } from '../../domain/completion-request.ts'
import { GREEDY } from '../../domain/sampling.ts'
import type { Checked } from '../../domain/problem.ts'
import type { StepProblem } from '../../domain/recipe.ts'
import { choice, role, text } from '../../domain/settings.ts'
import { findNoResponse } from '../completing/complete.ts'
import { firstOf } from '../cut-text.ts'
import { complete, score, type Program } from '../programs/program.ts'
import { defineEach, type StageOutcome } from '../stages/stage.ts'
import {
  findListed,
  findWrongNumber,
  listChoices,
  parseKeys,
  parseNumber,
  readKeys,
  readNumber,
  type Read,
} from './expected.ts'
import { compileTemplate, sentenceOf, templateValues, type TemplateValues } from './template-language.ts'
import { maxTokensSetting } from '../sampling-settings.ts'

/** What a score request takes. */
const MAX_CHOICES = 16
const CHOICE_LIMIT = 100
const ANSWER_PREFIX = 'Answer:'

const DEFAULT_TEMPLATE = `Request:
{{ prompt }}

Response:
{{ completion }}

In which language is the response? Reply with one word.`

export const template = defineEach({
  family: 'tag',
  name: 'template',
  title: 'Tag by a template',
  help: 'A model responds to a template of your own about each completion, or, before the complete step, about each prompt; what it says becomes a named field.',
  settings: {
    by: role({ default: 'teacher' }),
    template: text({
      label: 'Template',
      help: 'Jinja, with {{ prompt }}, {{ completion }}, {{ reference }} and {{ fields.name }}. Of a conversation {{ prompt }} is the last message; {{ conversation }} is all of it up to there as text, and {{ messages }} a list whose entries have `role` and `content`.',
      default: DEFAULT_TEMPLATE,
      lines: 8,
    }),
    system: text({
      label: 'System prompt',
      help: 'Sent before it; empty uses the default of the model’s chat template.',
      default: '',
      lines: 3,
    }),
    into: text({
      label: 'Field',
      help: 'Name of the field that gets the value. The keys of a JSON object are names themselves.',
      usedIf: { setting: 'reads', is: ['text', 'choice', 'number'] },
      default: 'tag',
      limit: FIELD_NAME_LIMIT - ' probability'.length,
    }),
    reads: choice({
      label: 'Read as',
      help: '“text” takes the whole response, “number” its first number, “json” the keys of its JSON object; “choice” writes nothing and takes the most probable of your choices.',
      choices: ['text', 'choice', 'number', 'json'],
      default: 'text',
    }),
    choices: text({
      label: 'Choices',
      help: `2 to ${MAX_CHOICES}, separated by commas or line breaks.`,
      usedIf: { setting: 'reads', is: ['choice'] },
      default: '',
      lines: 3,
    }),
    expected: text({
      label: 'Expected',
      usedIf: { setting: 'reads', is: ['text', 'number', 'json'] },
      help: 'What else is unreadable: for text, the allowed values separated by commas; for a number, a range such as “1 to 5” or “whole 1 to 5”; for JSON, a key on each line, such as “topic: text”, “level: whole 1 to 5”, “kind: question, order”, “polite: true or false”, “note?: text” for one that may be absent. Empty: any text or number.',
      default: '',
      lines: 5,
    }),
    maxTokens: {
      ...maxTokensSetting(64, { help: 'Max tokens of a response.' }),
      usedIf: { setting: 'reads', is: ['text', 'number', 'json'] },
    },
  },
  check({ template: source, into, reads, choices, expected }) {
    const problems: StepProblem[] = []
    const compiled = compileTemplate(source)
    if (source.trim() === '') problems.push({ field: 'template', sentence: 'the template is empty.' })
    else if (!compiled.ok)
      problems.push({
        field: 'template',
        sentence: `the template cannot be used: ${compiled.problems[0]?.sentence ?? 'it has an error'}.`,
      })
    if (into.trim() === '' && reads !== 'json')
      problems.push({ field: 'into', sentence: '`into` is empty. Name the field that gets the value.' })
    const read =
      reads === 'json' ? parseKeys(expected) : reads === 'number' ? parseNumber(expected) : undefined
    if (read?.ok === false)
      problems.push({
        field: 'expected',
        sentence: `\`expected\` cannot be used: ${read.problems[0]?.sentence ?? 'it has an error'}.`,
      })
    if (reads !== 'choice') return problems
    const listed = listChoices(choices)
    if (listed.length < 2 || listed.length > MAX_CHOICES)
      problems.push({
        field: 'choices',
        sentence: `it is read as a choice, and \`choices\` has ${listed.length} different ones. List 2 to ${MAX_CHOICES}, separated by commas.`,
      })
    const long = listed.find((one) => one.length > CHOICE_LIMIT)
    if (long !== undefined)
      problems.push({
        field: 'choices',
        sentence: `the choice “${long.slice(0, 40)}…” has more than ${CHOICE_LIMIT} characters.`,
      })
    return problems
  },
  needs: ({ by, reads }) => [
    {
      role: by,
      ability: 'chat',
      without: (model) =>
        `${model} has no chat template, so it cannot respond to yours. Load a model tuned for chat, or remove the step.`,
    },
    ...(reads === 'choice'
      ? [
          {
            role: by,
            ability: 'scores' as const,
            without: (model: string) =>
              `choices are read from token probabilities, and ${model} does not return them. Load another model, or read the response as text.`,
          },
        ]
      : []),
  ],
  each: ({ id, prompt, earlier, completion, reference = '', fields = {} }, settings) =>
    tag(id, templateValues({ prompt, earlier, completion: completion.text, reference, fields }), settings),
  ofPrompts: {
    check: ({ template: source }) =>
      READS_COMPLETION.test(source)
        ? [
            {
              field: 'template',
              sentence:
                'it comes before `complete`, so there is no completion, and the template reads `completion`. Write one over {{ prompt }}, or move the step down.',
            },
          ]
        : [],
    each: ({ id, text: prompt, earlier, reference = '', fields = {} }, settings) =>
      tag(id, templateValues({ prompt, earlier, completion: '', reference, fields }), settings),
  },
})

/** The variable inside a tag of a template; not a member or a text of that name. */
const READS_COMPLETION = /\{[{%](?:(?![%}]\}).)*?(?<![.\w'"])completion\b/s

/** Fills in the template, requests the response, and reads it. */
function* tag(id: string, values: TemplateValues, settings: Reading): Program<StageOutcome> {
  const { fields } = values
  const compiled = compileTemplate(settings.template)
  if (!compiled.ok) throw new TypeError('the template was checked with its recipe')
  let filled: string
  try {
    filled = compiled.value(values)
  } catch (thrown) {
    return toOutcome(fields, { unreadable: `the template failed: ${sentenceOf(thrown)}` })
  }
  if (filled === '') return toOutcome(fields, { unreadable: 'the template gave no text' })
  const system = settings.system.trim()
  const input: PromptInput = {
    kind: 'chat',
    messages: [
      ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
      { role: 'user', content: filled },
    ],
  }
  return toOutcome(
    fields,
    settings.reads === 'choice'
      ? yield* readChoice(id, input, settings)
      : yield* readResponse(id, input, settings),
  )
}

/** What is read becomes fields; what is not is evidence alone, and the row is kept. */
function toOutcome(fields: Fields, read: Read): StageOutcome {
  if ('unreadable' in read) return { decision: kept({ ...read.evidence, unreadable: read.unreadable }) }
  if (Object.keys({ ...fields, ...read.fields }).length > MAX_FIELDS)
    return { decision: kept({ unreadable: `the row has more than ${MAX_FIELDS} fields` }) }
  return { decision: kept(read.evidence), fields: read.fields }
}

interface Reading {
  readonly template: string
  readonly system: string
  readonly by: string
  readonly into: string
  readonly reads: 'text' | 'choice' | 'number' | 'json'
  readonly expected: string
  readonly choices: string
  readonly maxTokens: number
}

function* readResponse(
  id: string,
  input: PromptInput,
  { by, into, reads, expected, maxTokens }: Reading,
): Program<Read> {
  const result = yield* complete(by, { id, input, sampling: { ...GREEDY, maxTokens, rngSeed: 'tag' } })
  const refusal = findNoResponse(result)
  if (refusal !== undefined) return { unreadable: refusal }
  const response = result.text.trim()
  if (response === '') return { unreadable: 'the response is empty' }
  const field = into.trim()
  const evidence = { response: firstOf(response, 200) }
  if (reads === 'json') return readKeys(response, checkedValue(parseKeys(expected)))
  if (reads === 'number') {
    const number = readNumber(response)
    if (number === undefined) return { unreadable: 'the response has no number', evidence }
    const wrong = findWrongNumber(number, checkedValue(parseNumber(expected)))
    return wrong === undefined
      ? { fields: { [field]: number }, evidence }
      : { unreadable: `the number ${wrong}`, evidence }
  }
  const values = listChoices(expected)
  const value = values.length === 0 ? firstOf(response, FIELD_LIMIT) : findListed(values, response)
  return value === undefined
    ? { unreadable: 'the response is none of the expected values', evidence }
    : { fields: { [field]: value }, ...(values.length === 0 ? {} : { evidence }) }
}

function checkedValue<T>(parsed: Checked<T>): T {
  if (!parsed.ok) throw new TypeError('what is expected was checked with its recipe')
  return parsed.value
}

/** The most probable choice; the probabilities of all of them are the evidence. */
function* readChoice(id: string, input: PromptInput, { by, into, choices }: Reading): Program<Read> {
  const listed = listChoices(choices)
  const { logProbs, refusal } = yield* score(by, {
    id,
    input,
    answerPrefix: ANSWER_PREFIX,
    continuations: listed.map((one) => ` ${one}`),
  })
  if (refusal !== undefined) return { unreadable: refusal }
  const highest = Math.max(...logProbs)
  if (logProbs.length !== listed.length || !Number.isFinite(highest) || logProbs.some(Number.isNaN))
    return { unreadable: 'the probabilities are not numbers' }
  const weights = logProbs.map((logProb) => Math.exp(logProb - highest))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const best = logProbs.indexOf(highest)
  const field = into.trim()
  return {
    fields: { [field]: listed[best] ?? '', [`${field} probability`]: 1 / total },
    evidence: Object.fromEntries(listed.map((one, i) => [one, (weights[i] ?? 0) / total])),
  }
}
