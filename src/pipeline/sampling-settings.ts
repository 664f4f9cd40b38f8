// Knows: the settings of sampling that steps share, with one wording and one range; each step has its own default.
import { realNumber, wholeNumber, type NumberSetting } from '../domain/settings.ts'

/** Sampling temperature. `more`: another sentence of its help. */
export const temperatureSetting = (standard: number, more = ''): NumberSetting =>
  realNumber({
    label: 'Temperature',
    help: `Higher values sample less likely tokens more often; 0 is greedy decoding.${more === '' ? '' : ` ${more}`}`,
    from: 0,
    to: 2,
    default: standard,
    step: 0.05,
  })

/** Nucleus sampling: a share of the probability, from 0.01 to 1. */
export const topPSetting = (standard: number): NumberSetting =>
  realNumber({
    label: 'Top-p',
    help: 'Samples from the most likely tokens that together have this probability; 1 keeps all.',
    from: 0.01,
    to: 1,
    default: standard,
    step: 0.01,
  })

/** Repetition penalty, from 1 (off) to 2. */
export const repetitionPenaltySetting = (standard: number): NumberSetting =>
  realNumber({
    label: 'Repetition penalty',
    help: 'Above 1, tokens that already occurred become less likely; 1 is off.',
    from: 1,
    to: 2,
    default: standard,
    step: 0.05,
  })

/** Max tokens of one response. `help` has its noun and what happens to a longer one. */
export const maxTokensSetting = (
  standard: number,
  { help, from = 1, to = 4096 }: { readonly help: string; readonly from?: number; readonly to?: number },
): NumberSetting => wholeNumber({ label: 'Max tokens', help, from, to, default: standard, unit: 'tokens' })
