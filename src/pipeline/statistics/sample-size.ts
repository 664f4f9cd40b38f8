// Knows: how many compared prompts a difference needs to show.
// Source: the normal approximation of a one-sample test of a mean, n = (z₁₋α⁄₂ + z₁₋β)² σ² / δ²; with σ² = ¼ and δ = p − ½ it is Noether's
// formula for the sign test (Noether 1987, “Sample size determination for some common nonparametric tests”, JASA 82, section 3).

/** Quantiles of the normal distribution for a two-sided level of 5 % and a power of 80 %. */
const Z_LEVEL = 1.959964
const Z_POWER = 0.841621

/**
 * Prompts that show, at a level of 5 % with a power of 80 %, that a rate differs from one half. `variance`: of one prompt's points (1 for a
 * win, ½ for a tie, 0 for a loss), ¼ without ties. Infinity if the rate is one half.
 */
export function promptsToShow(rate: number, variance = 0.25): number {
  const difference = rate - 0.5
  return difference === 0 ? Infinity : Math.ceil(((Z_LEVEL + Z_POWER) ** 2 * variance) / difference ** 2)
}
