// Knows: the rubrics' words, versioned. A published version never changes: change the words, raise the number.
// Must not know: how a score is read.

export interface Rubric {
  /** Name and version, as in a recipe and in a verdict. */
  readonly name: string
  /** What is judged and what the ends of the scale mean. */
  readonly text: string
}

export const RUBRIC_NAMES = ['helpfulness@1', 'correctness@1'] as const
export type RubricName = (typeof RUBRIC_NAMES)[number]

const TEXTS: Readonly<Record<RubricName, string>> = {
  'helpfulness@1': [
    'Judge how helpful the answer is to the person who asked.',
    '5: does exactly what was asked, clearly and completely.',
    '4: does what was asked, with a small gap or some needless words.',
    '3: helps in part; something that was asked is missing.',
    '2: barely touches what was asked.',
    '1: does not help: off the point, empty, or nonsense.',
  ].join('\n'),
  'correctness@1': [
    'Judge whether what the answer says is true and follows from the question.',
    '5: everything in it is correct.',
    '4: correct but for a detail that does not matter.',
    '3: partly correct; an error stands beside true statements.',
    '2: mostly wrong.',
    '1: wrong, invented, or makes no sense.',
  ].join('\n'),
}

/** The rubric that a judge step names; an own text is named by `own` and its words. */
export function rubricOf(name: RubricName | 'own', own: string): Rubric {
  return name === 'own' ? { name: 'own', text: own.trim() } : { name, text: TEXTS[name] }
}
