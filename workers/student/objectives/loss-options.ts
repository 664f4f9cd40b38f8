// Knows: the trainer options of each loss.
import {
  trainsAdapters,
  learnsClasses,
  learnsFromHidden,
  learnsFromPairs,
  learnsFromProbabilities,
  learnsFromRewards,
  learnsOnPolicy,
  type TrainSettings,
} from '../../../src/domain/student.ts'
import type { TrainerOptions } from '../../../src/engine/training/trainer.ts'

/** TRL's ε. Each completion is trained on once, so it has no effect: the ratio is still 1. */
const RATIO_CLIP = 0.2

/** The trainer options for the settings of a loss. */
export function lossOptionsOf(
  settings: TrainSettings,
): Pick<TrainerOptions, 'smoothing' | 'distils' | 'prefers' | 'reinforces'> {
  if (learnsFromProbabilities(settings))
    return {
      distils: {
        divergence: settings.loss,
        temperature: settings.temperature,
        textShare: settings.textShare,
        ...(learnsFromHidden(settings) ? { hiddenShare: settings.hiddenShare ?? 0 } : {}),
      },
    }
  if (learnsOnPolicy(settings))
    return { distils: { divergence: settings.divergence, temperature: settings.temperature, textShare: 0 } }
  if (learnsFromPairs(settings))
    return {
      prefers: {
        loss: settings.loss,
        beta: settings.beta,
        margin: settings.loss === 'simpo' ? settings.margin : 0,
      },
    }
  if (learnsClasses(settings) && settings.softShare > 0)
    return {
      smoothing: settings.labelSmoothing,
      distils: {
        divergence: 'forward-kl',
        temperature: settings.temperature,
        textShare: 1 - settings.softShare,
      },
    }
  if (learnsFromRewards(settings)) return { reinforces: { clip: RATIO_CLIP, beta: settings.beta } }
  if (trainsAdapters(settings)) return {}
  return { smoothing: settings.labelSmoothing }
}
