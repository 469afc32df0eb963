//! Second moments of the quadratic's parameter under SGD, exactly, given who reads and who submits when.
//!
//! On h w^2/2 everything is linear: a task that read r submits c r plus noise, and an update subtracts a multiple of what was
//! submitted. So the matrix of second moments of the parameter, of what was submitted since the last update, and of what each worker
//! read follows the events of a run without any random gradient: each event changes a row and a column. The mean loss needs no
//! average over noise, and whether it diverges is a matter of this matrix alone.

use crate::cluster::Step;
use crate::learn::Quadratic;
use crate::policy::Task;

/// Rows of the matrix: the parameter, what was submitted, then what each worker read.
const PARAMETER: usize = 0;
const SUBMITTED: usize = 1;
const READ: usize = 2;

/// The second moments, from w = 1 on.
#[derive(Clone, Debug)]
pub struct SecondMoments {
    learner: Quadratic,
    size: usize,
    /// Row by row.
    matrix: Vec<f64>,
    /// Variance of the noise in what was submitted.
    noise: f64,
}

/// What a task submits: so many times what it read, and noise of this variance.
pub(crate) fn submission(learner: &Quadratic, task: Task) -> (f64, f64) {
    let Quadratic { curvature: h, noise: sigma, step_size: eta, .. } = *learner;
    let (steps, variance) = (f64::from(task.steps), sigma * sigma);
    if task.accumulates || task.steps == 1 {
        return (h * steps, variance * steps);
    }
    // Local steps shrink what was read by 1 - x each: the gradients add up to (r - w_H)/eta.
    let shrunk = 1.0 - eta * h;
    let left = shrunk.powi(task.steps as i32);
    let square = shrunk * shrunk;
    let noise = if (1.0 - square).abs() < 1e-12 { steps } else { (1.0 - left * left) / (1.0 - square) };
    ((1.0 - left) / eta, variance * noise)
}

impl SecondMoments {
    /// Of so many workers.
    pub fn new(learner: Quadratic, workers: u32) -> SecondMoments {
        let size = READ + workers as usize;
        let of = |row: usize, column: usize| f64::from(row != SUBMITTED && column != SUBMITTED);
        let matrix = (0..size * size).map(|i| of(i / size, i % size)).collect();
        SecondMoments { learner, size, matrix, noise: 0.0 }
    }

    /// What a step of a run does to them.
    pub fn follow(&mut self, step: &Step<'_>) {
        if let Some(completion) = step.completion().filter(|_| step.orders.discard.is_none())
            && completion.task.steps > 0
        {
            self.submit(completion.task);
        }
        if !step.orders.update.is_empty() {
            self.update(step.orders.update.iter().map(|task| f64::from(task.weight())).sum());
        }
        step.orders.start.iter().for_each(|task| self.assign(READ + task.worker as usize, PARAMETER));
    }

    /// The mean loss.
    pub fn loss(&self) -> f64 {
        self.learner.curvature * self.matrix[0] / 2.0
    }

    fn submit(&mut self, task: Task) {
        let (factor, noise) = submission(&self.learner, task);
        self.add(SUBMITTED, factor, READ + task.worker as usize);
        self.noise += noise;
    }

    fn update(&mut self, weights: f64) {
        let factor = self.learner.step_size / weights;
        self.add(PARAMETER, -factor, SUBMITTED);
        self.matrix[0] += factor * factor * std::mem::take(&mut self.noise);
        for i in 0..self.size {
            self.matrix[SUBMITTED * self.size + i] = 0.0;
            self.matrix[i * self.size + SUBMITTED] = 0.0;
        }
    }

    /// One variable becomes itself plus so many times another.
    fn add(&mut self, to: usize, factor: f64, from: usize) {
        for i in 0..self.size {
            self.matrix[to * self.size + i] += factor * self.matrix[from * self.size + i];
        }
        for i in 0..self.size {
            self.matrix[i * self.size + to] += factor * self.matrix[i * self.size + from];
        }
    }

    /// One variable becomes another.
    fn assign(&mut self, to: usize, from: usize) {
        for i in 0..self.size {
            self.matrix[to * self.size + i] = self.matrix[from * self.size + i];
        }
        for i in 0..self.size {
            self.matrix[i * self.size + to] = self.matrix[i * self.size + from];
        }
    }
}
