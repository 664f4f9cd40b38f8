// Knows: the instruction after a word problem that makes its final answer easy to find; versioned.

/** The mark before the final answer. */
export const ANSWER_MARK = 'Answer:'

/** A problem with the request for steps and a marked answer. Version solve@1. Source: chain of thought (Wei et al. 2022), in our own words. */
export const writeSolvePrompt = (problem: string): string =>
  `${problem}\nSolve it step by step. End with “${ANSWER_MARK}” and the result.`
