// Knows: what is checked before a training starts, as errors.
import type { ChatFormat } from '../../domain/chat-format.ts'
import type { Backend } from '../../domain/machine.ts'
import { isSized, refOf } from '../../domain/model-card.ts'
import type { BaseModel, StudentShape, TrainSettings } from '../../domain/student.ts'
import { refuseAdapterTraining } from '../../pipeline/training/adapter-memory.ts'
import {
  refuseTraining,
  type TrainingFacts,
  type TrainingRefusal,
} from '../../pipeline/training/refuse-training.ts'
import { RetortError, type ErrorName } from '../../protocol/errors.ts'
import type { Machines } from '../machines.ts'

const ERRORS: Readonly<Record<TrainingRefusal['kind'], ErrorName>> = {
  'no dataset': 'StorageFailed',
  'too few rows': 'ModelRefused',
  'no classes': 'NoClasses',
  'no pairs': 'NoPairs',
  'no problems': 'NoProblems',
  'no base student': 'NoBaseStudent',
  'no model chosen': 'NoModelChosen',
  'model refused': 'ModelRefused',
  'no teacher': 'NotLoaded',
}

/** Throws what the page shows before the press, for whoever starts a training in another way. */
export function requireStart(settings: TrainSettings, facts: TrainingFacts): void {
  const refusal = refuseTraining(settings, facts)
  if (refusal) throw new RetortError(ERRORS[refusal.kind], refusal.sentence)
}

/** The base model of the adapters, inspected before anything is stored; throws a sentence that says why it cannot be used. */
export async function requireBaseModel(
  { teacher }: Pick<Machines, 'teacher'>,
  source: BaseModel['source'],
  {
    settings,
    backend,
    chatFormat,
  }: { settings: TrainSettings; backend: Backend; chatFormat: ChatFormat | undefined },
): Promise<{ baseModel: BaseModel; settings: TrainSettings; shape: StudentShape; parameters: number }> {
  const card = await teacher.inspect({ source })
  if (!isSized(card))
    throw new RetortError(
      'ModelRefused',
      `The size of ${card.name} is unknown, so adapters cannot be trained on it. Choose a GGUF file.`,
    )
  const fitting = { ...settings, context: Math.min(settings.context, card.contextLength) }
  const refusal = refuseAdapterTraining(card, fitting, backend, chatFormat)
  if (refusal !== undefined) throw new RetortError('ModelRefused', refusal)
  const { layers, width, vocabularySize: vocabulary, contextLength: context, parameters } = card
  // Heads and the feed-forward width are read when its file is opened; a card does not have them.
  return {
    baseModel: { source, model: refOf(card), ...(chatFormat === undefined ? {} : { chatFormat }) },
    settings: fitting,
    shape: { layers, width, heads: 1, kvHeads: 1, feedForward: width, vocabulary, context },
    parameters,
  }
}
