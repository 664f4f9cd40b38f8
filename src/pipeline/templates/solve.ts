// Knows: what is said to a teacher behind a word problem, so that its final answer can be found; versioned.

export const SOLVE_TEMPLATE = 'solve@1'

/** What stands before the final answer. */
export const ANSWER_MARK = 'Answer:'

/** A problem with the wish for steps and a marked answer. Source: chain of thought (Wei et al. 2022), in words of our own. */
export const writeSolvePrompt = (problem: string): string =>
  `${problem}\nSolve it step by step. End with “${ANSWER_MARK}” and the result.`
