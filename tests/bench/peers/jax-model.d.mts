// Knows: the types of the next file.
import type { TrainingJob, Trainee } from './trainee.ts'

export function openJax(job: TrainingJob): Promise<Trainee>
