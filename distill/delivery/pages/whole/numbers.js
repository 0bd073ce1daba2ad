// Statistics of a few numbers.

export const ascending = (numbers) => [...numbers].sort((a, b) => a - b);

// By linear interpolation between the two nearest.
export function quantile(numbers, share) {
  const sorted = ascending(numbers);
  const place = share * (sorted.length - 1);
  const first = Math.floor(place);
  return sorted[first] + (place - first) * ((sorted[first + 1] ?? sorted[first]) - sorted[first]);
}
