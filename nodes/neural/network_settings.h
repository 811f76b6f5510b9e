// SPDX-License-Identifier: GPL-3.0-or-later
// Settings that every node with a network of its own has.
#pragma once

#include "core/graph/node.h"

namespace nodes {

inline constexpr core::Setting kRecurrentUnits{.id = "recurrent",
                                               .name = "Recurrent units",
                                               .help = "Size of the recurrent layer, its memory.",
                                               .min = 4,
                                               .max = 1024,
                                               .def = 64,
                                               .whole = true};
inline constexpr core::Setting kDenseUnits{.id = "dense",
                                           .name = "Dense units",
                                           .help = "Width of the dense layers.",
                                           .min = 4,
                                           .max = 1024,
                                           .def = 64,
                                           .whole = true};
/// Of the latent vector that an encoder or an embedding gives.
inline constexpr core::Setting kLatentSize{.id = "z",
                                           .name = "Size of z",
                                           .help = "Numbers in the latent vector.",
                                           .min = 1,
                                           .max = 64,
                                           .def = 8,
                                           .whole = true,
                                           .bindsWidth = 'Z'};

}  // namespace nodes
