// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vdd/core/random.h"
#include "vdd/scenes/scene.h"

// What streets and rooms are furnished with. A maker draws its looks from `random`, adds its
// materials to the scene and returns an object that stands on y = 0 of its own frame and faces -z.
namespace vdd::scenes {

/// Linear albedo from hue (0..1), saturation and value.
Vec3 hsv(double hue, double saturation, double value);
/// A colour with saturation up to `saturation` and value in low..high.
Vec3 any_color(Random& random, double saturation, double low, double high);

int add_plain(Scene& scene, Random& random, Vec3 color, double gloss = 0, double uneven = 0.12);
int add_pattern(Scene& scene, Random& random, Pattern pattern, Vec3 a, Vec3 b, double size,
                double size2 = 1);
/// Adds a wood, from light to dark.
int add_wood(Scene& scene, Random& random);
/// Adds something one would cover furniture with: plain, mottled, striped, checked or dotted.
int add_fabric(Scene& scene, Random& random);

Part part(const Shape& shape, Vec3 position, int material, const Mat3& rotation = {});

// What stands and moves on streets.
enum class Vehicle { kCar, kVan, kTruck };
Object make_vehicle(Scene& scene, Random& random, Vehicle kind);
Object make_walker(Scene& scene, Random& random);
enum class Tree { kRound, kConifer, kPoplar, kBush };
Object make_tree(Scene& scene, Random& random, Tree kind);
/// Makes a building of `size`: x away from the street, y height, z along the street.
Object make_building(Scene& scene, Random& random, Vec3 size);
Object make_house(Scene& scene, Random& random, Vec3 size);
Object make_hall(Scene& scene, Random& random, Vec3 size);
Object make_lamp_post(Scene& scene, Random& random);
Object make_sign(Scene& scene, Random& random);
/// Makes a hedge, wall, wooden fence or guard rail of this length along z.
Object make_barrier(Scene& scene, Random& random, double length);
Object make_container(Scene& scene, Random& random);

// What stands in rooms. Every maker fills `size` with the object's extent: width, height, depth.
Object make_table(Scene& scene, Random& random, Vec3& size);
Object make_chair(Scene& scene, Random& random, Vec3& size);
Object make_sofa(Scene& scene, Random& random, Vec3& size);
Object make_bed(Scene& scene, Random& random, Vec3& size);
Object make_shelf(Scene& scene, Random& random, Vec3& size);
Object make_cabinet(Scene& scene, Random& random, Vec3& size);
Object make_plant(Scene& scene, Random& random, Vec3& size);
Object make_floor_lamp(Scene& scene, Random& random, Vec3& size);
Object make_crates(Scene& scene, Random& random, Vec3& size);
/// Makes a ball, vase, box, pile of books or cup, about `scale` metres large.
Object make_trinket(Scene& scene, Random& random, double scale);

}  // namespace vdd::scenes
