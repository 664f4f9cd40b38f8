// Knows: how numbers and a few words are written for people: grouped, rounded to what matters, always with their unit.
import type { FinishReason } from '../../domain/completion-request.ts'
import type { Student } from '../../domain/student.ts'

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** “12,345”. */
export const formatCount = (n: number): string => whole.format(n)

/** “1 row”, “12,345 rows”. */
export const formatMany = (n: number, one: string, many = `${one}s`): string =>
  `${formatCount(n)} ${n === 1 ? one : many}`

/** “98 MB”: decimal units, as for disks and downloads. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : value >= 9.95 ? 1 : 2
  return `${value.toFixed(digits)} ${units[unit]}`
}

/** “135 M”, “1.1 B”. */
export function formatParameters(n: number): string {
  if (n >= 1e9) return `${(n / 1e9).toFixed(n >= 1e10 ? 0 : 1)} B`
  if (n >= 1e6) return `${(n / 1e6).toFixed(n >= 1e7 ? 0 : 1)} M`
  if (n >= 1e3) return `${(n / 1e3).toFixed(0)} k`
  return whole.format(n)
}

/** “45 seconds”, “3 minutes”, “2 h 5 min”: as exact as a person needs. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 90) return formatMany(seconds, 'second')
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return formatMany(minutes, 'minute')
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : formatMany(Math.round(hours / 24), 'day')
}

/** Three significant digits or so: “412”, “38.2”, “4.07”, “0.04”; no zeros at the end. */
export function formatNumber(n: number): string {
  const size = Math.abs(n)
  if (size >= 100) return whole.format(n)
  return String(Number(n.toFixed(size >= 10 ? 1 : size >= 0.1 || size === 0 ? 2 : 4)))
}

/** “37 %”. */
export const formatShare = (part: number, of: number): string =>
  of > 0 ? `${Math.round((100 * part) / of)} %` : '–'

/** “23 Nov, 16:42”, with the year when it is another one. */
export function formatTime(at: number, now = Date.now()): string {
  const date = new Date(at)
  const sameYear = date.getFullYear() === new Date(now).getFullYear()
  return date.toLocaleString('en-GB', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    ...(sameYear ? {} : { year: 'numeric' }),
  })
}

/** A model's output for display: long runs of empty lines as their number, an empty text as a word. */
export function showWritten(text: string): string {
  if (text === '') return '(empty)'
  const breaks = (run: string): number => run.split('\n').length - 1
  if (text.trim() === '')
    return breaks(text) > 0 ? `(${formatMany(breaks(text), 'line break')} only)` : '(spaces only)'
  return text.replace(/[^\S\n]*\n(?:[^\S\n]*\n){3,}/g, (run) => ` ⏎ × ${breaks(run)}\n`)
}

/** How a completion ended. */
export const FINISH_REASONS: Readonly<Record<FinishReason, string>> = {
  end: 'ended by the model',
  length: 'cut at max tokens',
  aborted: 'stopped',
}
/** A student's size in a word: its preset, or the name of its base model. */
export const nameSize = ({ settings, baseModel }: Pick<Student, 'settings' | 'baseModel'>): string =>
  baseModel?.model.name ?? settings.preset
/** Which weights a student's are: “after 300 steps”, “of step 250 of 300, where the held-out loss was lowest”. */
export const describeWeights = ({
  bestStep,
  checkpointStep,
}: Pick<Student, 'bestStep' | 'checkpointStep'>): string =>
  bestStep === undefined || bestStep === checkpointStep
    ? `after ${formatMany(checkpointStep, 'step')}`
    : `of step ${formatCount(bestStep)} of ${formatCount(checkpointStep)}, where the held-out loss was lowest`
/** “10 % wrong, 4 of 40”; the count if it is known. */
export const formatWrong = (share: number, of?: number): string =>
  `${Math.round(100 * share)} % wrong${of === undefined ? '' : `, ${formatCount(Math.round(share * of))} of ${formatCount(of)}`}`
