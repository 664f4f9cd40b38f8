// Knows: the step that lets a model criticise a completion and write it again, several times if wanted. Every revision is a row of its own,
// with the critique it follows and the row it revises.
// Source: Self-Refine (Madaan et al. 2023): feedback, then refine, until nothing is to change; up to four times there.
import { hashOf } from '../../domain/hash.ts'
import { dropped, kept } from '../../domain/filter-decision.ts'
import { choice, role, text, wholeNumber } from '../../domain/settings.ts'
import type { Sampling } from '../../domain/sampling.ts'
import { complete } from '../programs/program.ts'
import { defineEach, type WrittenText } from '../stages/stage.ts'
import {
  findsNothing,
  writeCritiqueChat,
  writeRevisionChat,
  type RevisedText,
} from '../templates/revision.ts'
import { findNoResponse } from './complete.ts'
import { maxTokensSetting, temperatureSetting } from '../sampling-settings.ts'

/** How a row’s revisions ended if its critique found nothing to change. */
export const FOUND_NOTHING = 'the critique found nothing'
/** The reason of texts that have a revision. */
export const REPLACED = 'replaced by its revision'

export const revise = defineEach({
  family: 'complete',
  name: 'revise',
  title: 'Critique and revise',
  help: 'A model says what is wrong with a completion and writes it again. Each revision is a row of its own.',
  source: { citation: 'Madaan et al. 2023 (Self-Refine)', link: 'https://arxiv.org/abs/2303.17651' },
  takes: ['completions'],
  gives: ['completions'],
  settings: {
    by: role({ default: 'teacher' }),
    times: wholeNumber({
      label: 'Revisions',
      help: 'Max times that a completion is written again; each time from the one before. It ends when the critique finds nothing.',
      from: 1,
      to: 4,
      default: 1,
    }),
    aim: text({
      label: 'What a good response is',
      help: 'Shown to the model that criticises.',
      default: 'It is correct, complete, clear, and no longer than it has to be.',
      lines: 3,
    }),
    original: choice({
      label: 'Original completion',
      help: '“drop” leaves the last revision alone; “keep” keeps the original too, for pairs. Earlier revisions are treated like the original.',
      choices: ['drop', 'keep'],
      default: 'drop',
    }),
    temperature: temperatureSetting(0.7, 'Of critiques and revisions.'),
    maxTokens: maxTokensSetting(512, { help: 'Max tokens of a critique and of a revision.' }),
  },
  needs: ({ by }) => [
    {
      role: by,
      ability: 'chat',
      without: (model) =>
        `${model} has no chat template, so it cannot revise. Load a model tuned for chat, or remove the step.`,
    },
  ],
  countTexts: ({ times }) => times,
  *each(row, { by, times, aim, original, temperature, maxTokens }, { rngSeed, modelOf }) {
    const { ref: model } = modelOf(by)
    // Not the row's id, which depends on its run: an equal row of another run is revised from the journal.
    const name = hashOf([row.prompt, row.completion.text]).slice(0, 16)
    const sampling = (part: string): Sampling => ({
      temperature,
      topK: 0,
      topP: 0.95,
      minP: 0,
      repetitionPenalty: 1,
      maxTokens,
      stop: [],
      rngSeed: `${rngSeed}/revise/${name}/${part}`,
    })
    const textOf = (completion: string): RevisedText => ({
      system: row.completion.system,
      earlier: row.earlier,
      prompt: row.prompt,
      completion,
    })
    const texts: WrittenText[] = []
    let current = row.completion.text
    let ending = ''
    for (let time = 0; time < times; time++) {
      const critique = yield* complete(by, {
        id: `${row.id}/critique/${time}`,
        input: writeCritiqueChat(textOf(current), aim),
        sampling: sampling(`${time}/critique`),
      })
      const failed = findNoResponse(critique)
      if (failed !== undefined) {
        ending = `no critique: ${failed}`
        break
      }
      if (findsNothing(critique.text)) {
        ending = FOUND_NOTHING
        break
      }
      const drawn = sampling(`${time}/revision`)
      const revision = yield* complete(by, {
        id: `${row.id}/revision/${time}`,
        input: writeRevisionChat(textOf(current), critique.text.trim()),
        sampling: drawn,
      })
      const refusal = findNoResponse(revision)
      texts.push({
        text: revision.text.trim(),
        finishReason: revision.finishReason,
        tokens: revision.tokens,
        ...(revision.reasoning === undefined ? {} : { reasoning: revision.reasoning }),
        model,
        system: row.completion.system,
        sampling: drawn,
        fields: { critique: critique.text.trim().slice(0, 10_000), revision: time + 1 },
        ...(refusal === undefined ? {} : { refusal }),
      })
      if (refusal !== undefined) break
      current = revision.text.trim()
    }
    const revised = texts.filter(({ refusal }) => refusal === undefined)
    const evidence = { revisions: revised.length, ...(ending === '' ? {} : { ending }) }
    const replaced = dropped(REPLACED, evidence)
    return {
      decision: original === 'drop' && revised.length > 0 ? replaced : kept(evidence),
      texts:
        original === 'keep'
          ? texts
          : texts.map((written) =>
              written.refusal === undefined && written !== revised.at(-1)
                ? { ...written, refusal: REPLACED }
                : written,
            ),
    }
  },
})
