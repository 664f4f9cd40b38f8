// Knows: everything that turns a recipe's text into steps and back, as one part of the program: with YAML it is large.
export { checkRecipe, checkRecipeText } from './check-recipe.ts'
export { findJudging } from './find-judging.ts'
export { lineOfProblem, parseRecipe } from './parse-recipe.ts'
export { writeRecipe } from './write-recipe.ts'
