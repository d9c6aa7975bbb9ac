/** One parameter's update as PyTorch documents torch.optim.Adam and torch.optim.SGD. */

export interface AdamState {
  param: number;
  m: number;
  v: number;
}

export function adamStep(
  { param, m, v }: AdamState,
  grad: number,
  step: number,
  { learningRate, beta1, beta2, epsilon, weightDecay }: Record<string, number>,
): AdamState {
  const g = grad + weightDecay * param;
  const first = beta1 * m + (1 - beta1) * g;
  const second = beta2 * v + (1 - beta2) * g ** 2;
  const unbiasedFirst = first / (1 - beta1 ** step);
  const unbiasedSecond = second / (1 - beta2 ** step);
  return {
    param: param - learningRate * unbiasedFirst / (Math.sqrt(unbiasedSecond) + epsilon),
    m: first,
    v: second,
  };
}

export interface SgdState {
  param: number;
  velocity: number;
}

export function sgdStep(
  { param, velocity }: SgdState,
  grad: number,
  { learningRate, momentum, weightDecay }: Record<string, number>,
  nesterov: boolean,
): SgdState {
  const g = grad + weightDecay * param;
  const next = momentum * velocity + g;
  return { param: param - learningRate * (nesterov ? g + momentum * next : next), velocity: next };
}
