// Knows: what a number of rows can teach: a student from scratch needs some hundred rows; fewer suit adapters on an available model.
// Must not know: screens.
import type { TrainSettings } from '../../domain/student.ts'
import { lossOf, trainMembers } from '../training/index.ts'
import { rowKindOf } from '../training/row-kinds.ts'
import type { Advice } from './advice.ts'

export interface FewRowsFacts {
  readonly rows: number
  readonly settings: TrainSettings
  /** The smallest model that adapters can be trained on, if there is one. */
  readonly model?: { readonly name: string; readonly msToTrain: number }
  /** Milliseconds that a kept row took in the last run, if there was one. */
  readonly msPerRow?: number
}

/** Two advices for too few rows, the better one first: adapters on an available model, and more rows. */
export function adviseOnFewRows({ rows, settings, model, msPerRow }: FewRowsFacts): readonly Advice[] {
  const loss = lossOf(settings)
  const { enough } = rowKindOf(loss.rows)
  if (rows >= enough || loss.startsFrom !== 'scratch') return []
  const adapters =
    loss.rows === 'labels' ? undefined : trainMembers.find(({ startsFrom }) => startsFrom === 'model')
  const about = `${rows} training ${rows === 1 ? 'row is' : 'rows are'} too few to train a student from scratch: it would learn them by heart.`
  const more: Advice = {
    id: 'more-rows',
    sentence: `${model && adapters ? 'Or make' : `${about} Make`} more rows: ${enough} or more.${
      msPerRow === undefined
        ? ''
        : ` At the speed of the last run, ${enough - rows} more take about ${describeTime((enough - rows) * msPerRow)}.`
    }`,
    remedy: { label: 'Open the recipe', change: { kind: 'open', screen: 'recipe' } },
  }
  if (model === undefined || adapters === undefined) return [more]
  return [
    {
      id: 'few-rows',
      sentence: `${about} Adapters on ${model.name} start from what it knows already; training them takes about ${describeTime(model.msToTrain)}.`,
      remedy: { label: 'Train adapters instead', change: { kind: 'choose-objective', name: adapters.name } },
    },
    more,
  ]
}

function describeTime(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (minutes < 1) return 'a minute'
  return minutes < 90
    ? `${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`
    : `${Math.round(minutes / 60)} hours`
}

/** Tokens a second of LoRA on a model of 135 million parameters, from README's table; time grows with the parameters. */
const LORA_TOKENS = 108
const LORA_PARAMETERS = 135e6

/** A rough estimate of training adapters on a processor, in milliseconds. `tokens`: of one row, mean. */
export const estimateAdapterMs = (
  parameters: number,
  { steps, batchSize }: { readonly steps: number; readonly batchSize: number },
  tokens: number,
): number => (1000 * steps * batchSize * tokens * parameters) / (LORA_TOKENS * LORA_PARAMETERS)
