// Knows: what the engine is told of each loss.
import {
  learnsAdapters,
  learnsClasses,
  learnsFromHidden,
  learnsFromPairs,
  learnsFromProbabilities,
  learnsFromRewards,
  learnsOnPolicy,
  type TrainSettings,
} from '../../../src/domain/student.ts'
import type { TrainerOptions } from '../../../src/engine/training/trainer.ts'

/** TRL's ε. Each answer is learned from once, where it has no effect yet: no ratio has moved. */
const RATIO_CLIP = 0.2

/** The options of a trainer that the settings of a loss come to. */
export function lossOf(
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
  if (learnsAdapters(settings)) return {}
  return { smoothing: settings.labelSmoothing }
}
