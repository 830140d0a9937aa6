/** Positions that are near each other on the screen, put together. */

const CELL = 56; // pixels; markers are at most this wide

/** Return clusters of positions: {x, y, count, latitude, longitude} in pixels and degrees, with their bounds. */
export function clustersOf({ latitudes, longitudes }, project, { width, height }) {
  const cells = new Map();
  for (let index = 0; index < latitudes.length; index += 1) {
    const [x, y] = project([longitudes[index], latitudes[index]]);
    if (x < -CELL || y < -CELL || x > width + CELL || y > height + CELL) continue;
    const key = `${Math.floor(x / CELL)},${Math.floor(y / CELL)}`;
    add(cells, key, x, y, latitudes[index], longitudes[index]);
  }
  return merged([...cells.values()]).map((cell) => ({
    ...cell,
    x: cell.x / cell.count,
    y: cell.y / cell.count,
    latitude: (cell.south + cell.north) / 2,
    longitude: (cell.west + cell.east) / 2,
  }));
}

function add(cells, key, x, y, latitude, longitude) {
  const cell = cells.get(key);
  if (!cell) {
    cells.set(key, { x, y, count: 1, south: latitude, north: latitude, west: longitude, east: longitude });
    return;
  }
  cell.x += x;
  cell.y += y;
  cell.count += 1;
  extend(cell, { south: latitude, north: latitude, west: longitude, east: longitude });
}

function extend(cell, other) {
  cell.south = Math.min(cell.south, other.south);
  cell.north = Math.max(cell.north, other.north);
  cell.west = Math.min(cell.west, other.west);
  cell.east = Math.max(cell.east, other.east);
}

/** Join cells whose middles are nearer than a marker is wide, the largest first. */
function merged(cells) {
  const kept = [];
  for (const cell of cells.sort((a, b) => b.count - a.count)) {
    const near = kept.find(
      (other) =>
        Math.hypot(other.x / other.count - cell.x / cell.count, other.y / other.count - cell.y / cell.count) <
        CELL * 0.8,
    );
    if (!near) kept.push(cell);
    else {
      near.x += cell.x;
      near.y += cell.y;
      near.count += cell.count;
      extend(near, cell);
    }
  }
  return kept;
}

/** Return the distance of two positions in kilometres (haversine, mean radius of the Earth 6371 km). */
export function kilometres(latitudeA, longitudeA, latitudeB, longitudeB) {
  const radians = Math.PI / 180;
  const half = (a, b) => Math.sin(((b - a) * radians) / 2) ** 2;
  const chord =
    half(latitudeA, latitudeB) +
    Math.cos(latitudeA * radians) * Math.cos(latitudeB * radians) * half(longitudeA, longitudeB);
  return 2 * 6371 * Math.asin(Math.sqrt(Math.min(1, chord)));
}
