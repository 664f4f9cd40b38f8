// Knows: the rubrics' texts, versioned. A published version never changes: raise the number.
// Must not know: how a score is read.

/** A completion with its true score, shown to the judge before the item to score. */
export interface ScoredExample {
  readonly prompt: string
  readonly completion: string
  readonly score: 1 | 2 | 3 | 4 | 5
}

export interface Rubric {
  /** Name and version, as in a recipe and in a verdict. */
  readonly name: string
  /** What is judged and what each score means. */
  readonly text: string
  /** Small judges learn the format from examples; they are in the shared prefix of all rows, so they cost next to nothing. */
  readonly examples: readonly ScoredExample[]
}

export const RUBRIC_NAMES = ['helpfulness@1', 'correctness@1'] as const
export type RubricName = (typeof RUBRIC_NAMES)[number]

const RUBRICS: Readonly<Record<RubricName, Omit<Rubric, 'name'>>> = {
  'helpfulness@1': {
    text: [
      'Judge how helpful the answer is to the person who asked.',
      '5: does exactly what was asked, clearly and completely.',
      '4: does what was asked, with a small gap or some needless words.',
      '3: helps in part; something that was asked is missing.',
      '2: barely touches what was asked.',
      '1: does not help: off the point, empty, or nonsense.',
    ].join('\n'),
    examples: [
      {
        prompt: 'Name three animals that live in the sea.',
        completion: 'Dolphins, crabs and jellyfish.',
        score: 5,
      },
      { prompt: 'How do I boil an egg?', completion: 'Take the train to the city and turn left.', score: 1 },
      {
        prompt: 'Give two tips for better sleep.',
        completion: 'Go to bed at the same time every day.',
        score: 3,
      },
      { prompt: 'What is 12 plus 30?', completion: 'Plus plus plus plus plus plus.', score: 1 },
      {
        prompt: 'Write a short thank-you note to a neighbour.',
        completion:
          'Dear Ann, thank you for looking after our cat last week. It was so kind of you. Warm wishes, Tom',
        score: 5,
      },
      { prompt: 'Explain why leaves are green.', completion: 'Leaves have a colour.', score: 2 },
      {
        prompt: 'Which day comes after Monday?',
        completion: 'That is an easy one, and I am glad you asked: it is Tuesday.',
        score: 4,
      },
    ],
  },
  'correctness@1': {
    text: [
      'Judge whether what the answer says is true and follows from the question.',
      '5: everything in it is correct.',
      '4: correct but for a detail that does not matter.',
      '3: partly correct; an error stands beside true statements.',
      '2: mostly wrong.',
      '1: wrong, invented, or makes no sense.',
    ].join('\n'),
    examples: [
      { prompt: 'How many legs does a spider have?', completion: 'A spider has eight legs.', score: 5 },
      { prompt: 'What is the capital of Italy?', completion: 'The capital of Italy is Paris.', score: 1 },
      { prompt: 'Name two planets.', completion: 'Mars and the Moon.', score: 3 },
      { prompt: 'What does a bee make?', completion: 'Engine stone the of of yes.', score: 1 },
      { prompt: 'What is ice?', completion: 'Ice is frozen water.', score: 5 },
      {
        prompt: 'Describe the seasons.',
        completion: 'There are two seasons, and in summer it snows, but spring comes after winter.',
        score: 2,
      },
      {
        prompt: 'When did people first walk on the Moon?',
        completion: 'In the summer of 1969, on the 21st of June.',
        score: 4,
      },
    ],
  },
}

/** The rubric of a judge step; an own text is named `own` and has no examples. */
export function rubricOf(name: RubricName | 'own', own: string): Rubric {
  return name === 'own' ? { name, text: own.trim(), examples: [] } : { name, ...RUBRICS[name] }
}
