// Knows: the product's nouns and the field's terms that the page uses, each in one or two sentences.
// Must not know: where the page uses them.

export interface GlossaryTerm {
  /** Used by `<Term id="…">`. */
  readonly id: string
  readonly term: string
  /** What it is, in one sentence. */
  readonly meaning: string
  /** Why it matters in Retort, in one sentence. */
  readonly use?: string
}

export const TERMS = [
  {
    id: 'batch-size',
    term: 'Batch size, gradient accumulation',
    meaning:
      'The batch size is the number of rows behind each update of the weights; gradient accumulation computes them in several smaller parts, the micro-batches.',
    use: 'A batch of 8 in two micro-batches trains the same and needs about half the memory.',
  },
  {
    id: 'bootstrap-interval',
    term: 'Bootstrap interval',
    meaning:
      'A range for a mean, found by computing it again on many random resamples of the same results; a 95 % interval leaves out the extreme 5 %.',
    use: 'If the intervals of two models overlap a lot, more prompts are needed to say which is better.',
  },
  {
    id: 'checkpoint',
    term: 'Checkpoint',
    meaning: 'A saved state of training: the weights, the optimizer’s state and the step.',
    use: 'After a reload, training resumes from the last checkpoint.',
  },
  {
    id: 'completion',
    term: 'Completion',
    meaning: 'The text that a model generates for a prompt.',
  },
  {
    id: 'context-length',
    term: 'Context length',
    meaning: 'The maximum number of tokens that a prompt and its completion can have together.',
    use: 'A longer context needs more memory.',
  },
  {
    id: 'cross-entropy',
    term: 'Cross-entropy, KL divergence',
    meaning:
      'Cross-entropy measures how improbable the model finds the target tokens; KL divergence measures how much its probabilities differ from the teacher’s.',
    use: 'Training lowers one of them: this is the loss in the chart.',
  },
  {
    id: 'dataset',
    term: 'Dataset',
    meaning: 'The kept rows of a run, frozen so that they no longer change, and named by their hash.',
  },
  {
    id: 'early-stopping',
    term: 'Early stopping, patience',
    meaning:
      'Training stops when the held-out loss has not improved for a set number of evaluations, the patience, and keeps the best weights.',
  },
  {
    id: 'ema',
    term: 'EMA (weight averaging)',
    meaning:
      'An exponential moving average of the weights over the training steps, which is used in place of the last weights.',
    use: 'It smooths out the noise of single batches.',
  },
  {
    id: 'filter',
    term: 'Filter',
    meaning: 'A step that keeps or drops each prompt or row and gives the reason.',
  },
  {
    id: 'funnel',
    term: 'Funnel',
    meaning:
      'The chart of a run: for each step, how many rows reached it, how many passed and why the others were dropped.',
  },
  {
    id: 'grpo',
    term: 'GRPO',
    meaning:
      'Group relative policy optimization: the student writes several completions per prompt and is trained towards those with correct answers.',
  },
  {
    id: 'held-out-rows',
    term: 'Held-out rows',
    meaning: 'Rows of the dataset that are not used for training.',
    use: 'The loss on them, and the comparison, show what the student does with prompts it has not seen.',
  },
  {
    id: 'judge',
    term: 'Judge',
    meaning:
      'The model that scores completions from 1 to 5 by a rubric: the teacher, unless another model is loaded for the judge.',
  },
  {
    id: 'kv-cache',
    term: 'KV cache',
    meaning:
      'The keys and values of attention for the tokens so far, stored so that a new token does not require processing the earlier ones again.',
    use: 'Prompts with the same prefix share it, which saves most of their prefill.',
  },
  {
    id: 'learning-rate',
    term: 'Learning rate, warm-up',
    meaning:
      'The learning rate sets how far each step changes the weights; during warm-up it rises from zero, since large first steps can make training diverge.',
  },
  {
    id: 'log-probability',
    term: 'Log-probability, probability mass',
    meaning:
      'The logarithm of the probability that a model gives to a token; probability mass is the sum of the probabilities of several tokens.',
    use: 'A judge that puts little mass on the scores 1 to 5 did not understand the task.',
  },
  {
    id: 'lora',
    term: 'LoRA',
    meaning:
      'Low-rank adaptation: the weights of a model stay fixed, and only small matrices added to them, the adapter, are trained.',
    use: 'It needs far less memory than training all weights.',
  },
  {
    id: 'model-files',
    term: 'GGUF, safetensors, ONNX',
    meaning:
      'File formats for models: GGUF is one file for llama.cpp and similar programs, safetensors holds weights in a Hugging Face folder, ONNX also holds the computation graph.',
  },
  {
    id: 'novelty',
    term: 'Novelty, near-duplicates (ROUGE-L)',
    meaning:
      'ROUGE-L measures how much two texts overlap in word order; a prompt is new if it overlaps little with all others, and a near-duplicate if it overlaps a lot with one.',
  },
  {
    id: 'on-policy-distillation',
    term: 'On-policy distillation (GKD)',
    meaning: 'The student writes completions itself and learns the teacher’s token probabilities for them.',
    use: 'It learns to recover from its own mistakes, which the teacher’s texts do not contain.',
  },
  {
    id: 'position-bias',
    term: 'Position bias',
    meaning: 'The tendency of a judge to prefer the completion shown first, or the one shown last.',
    use: 'Retort judges each pair in both orders, and a disagreement counts as a tie.',
  },
  {
    id: 'preference-pair',
    term: 'Preference pair, DPO',
    meaning:
      'A better and a worse completion of the same prompt; direct preference optimization (DPO) and its relatives train a student to prefer the better one.',
  },
  {
    id: 'prefill',
    term: 'Prefill, decode, tokens/s',
    meaning:
      'A model first processes the whole prompt at once (prefill) and then generates one token after another (decode); tokens/s is the speed of either.',
  },
  {
    id: 'prompt',
    term: 'Prompt',
    meaning:
      'The text that a model responds to: a seed, or a grown prompt, which the teacher generates from seeds.',
  },
  {
    id: 'quantisation',
    term: 'Quantisation',
    meaning: 'Storing weights with fewer bits, such as 4 in place of 16.',
    use: 'The model becomes smaller and often faster, and a little worse.',
  },
  {
    id: 'recipe',
    term: 'Recipe',
    meaning: 'The steps from seeds to student with all their settings, as a list and as YAML.',
  },
  {
    id: 'rubric',
    term: 'Rubric',
    meaning: 'The instructions by which the judge scores, such as helpfulness or correctness.',
  },
  {
    id: 'run',
    term: 'Run',
    meaning: 'One pass of the seeds through the recipe, which generates, filters and judges rows.',
  },
  {
    id: 'seed',
    term: 'Seed',
    meaning:
      'An example prompt from you, with a completion if you have one, from which the teacher generates new prompts.',
  },
  {
    id: 'soft-targets',
    term: 'Soft targets, top-k',
    meaning:
      'The teacher’s probabilities for the k most probable tokens (top-k) at each position of a completion, stored with a dataset.',
    use: 'A student learns more from them than from the text alone, since they also show the alternatives.',
  },
  {
    id: 'step',
    term: 'Step, epoch',
    meaning: 'A training step is one update of the weights; an epoch is one pass over all training rows.',
  },
  {
    id: 'student',
    term: 'Student',
    meaning: 'The small model that is trained on the dataset.',
  },
  {
    id: 'teacher',
    term: 'Teacher',
    meaning:
      'The larger model that generates prompts and completions, and whose behaviour the student learns.',
  },
  {
    id: 'temperature',
    term: 'Temperature',
    meaning:
      'A number that divides the logits before sampling: 0 always takes the most probable token, 1 samples from the model’s own probabilities, more gives more variety.',
  },
  {
    id: 'token',
    term: 'Token',
    meaning:
      'The unit of text that a model reads and writes: a word, a part of a word or a punctuation mark.',
  },
  {
    id: 'verdict',
    term: 'Verdict',
    meaning:
      'The judge’s result for a completion: its probabilities of the scores 1 to 5, and the expected score.',
  },
  {
    id: 'wasm',
    term: 'WebAssembly (wasm)',
    meaning: 'The browser’s format for fast programs on the processor, with up to 4 GB of memory.',
  },
  {
    id: 'webgpu',
    term: 'WebGPU',
    meaning:
      'The browser’s interface to the graphics card, which computes large models faster than the processor.',
  },
  {
    id: 'win-rate',
    term: 'Win rate',
    meaning:
      'The share of pairs in which the judge prefers a model’s completion to another’s; a tie counts as half a win.',
  },
] as const satisfies readonly GlossaryTerm[]

export type TermId = (typeof TERMS)[number]['id']

const byId: ReadonlyMap<string, GlossaryTerm> = new Map(TERMS.map((term) => [term.id, term]))

/** The entry of an id. */
export function termOf(id: TermId): GlossaryTerm {
  const term = byId.get(id)
  if (term === undefined) throw new RangeError(`The glossary has no term ${id}.`)
  return term
}

/** The terms by their first letter, in alphabetical order. */
export function groupTerms(
  terms: readonly GlossaryTerm[] = TERMS,
): readonly { readonly letter: string; readonly terms: readonly GlossaryTerm[] }[] {
  const groups = new Map<string, GlossaryTerm[]>()
  for (const term of terms.toSorted((a, b) => a.term.localeCompare(b.term, 'en'))) {
    const letter = term.term.charAt(0).toUpperCase()
    groups.set(letter, [...(groups.get(letter) ?? []), term])
  }
  return [...groups].map(([letter, members]) => ({ letter, terms: members }))
}
