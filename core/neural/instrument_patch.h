// SPDX-License-Identifier: GPL-3.0-or-later
// A patch that plays a trained model: the model's parts put into it, its keys brought to one level.
#pragma once

#include <functional>
#include <stop_token>

#include "core/neural/playing_statistics.h"

namespace core {

/// `patch` at the rate of `model`, made ready for installModel: what it brings itself sounds as before (setPatchRate),
/// what the model gives is not limited to the rate that the patch had. As it is where the rates are the same.
Patch atRateOf(const Patch& model, const Patch& patch, const Registry& registry);

/// Nodes that read z while no cable brings it one: it stays 0, which is nobody's.
std::vector<std::string> nodesWithoutLatent(const Patch& patch, const Registry& registry);

/// `patch` at the rate of `model` with the settings and tensors of those nodes of `model` that have its nodes' id and
/// type: wiring, knobs, name and phrase stay, and settings that the model's node leaves out. The floor of loudness of
/// what plays from tables lies 12 dB under what the controller was trained on. Error: no node with a tensor is common
/// to both.
Result<Patch> installModel(const Patch& model, const Patch& patch, const Registry& registry);

/// How recordings are played, as the model hears them. Takes that `options` holds out are left out. Error:
/// what loading says, or no note was sustained.
Result<PlayingTables> listenToPlaying(const Patch& model, const Registry& registry,
                                      const std::vector<std::filesystem::path>& files, const DatasetOptions& options,
                                      const std::stop_token& stop);

/// Whether a node of the patch plays from tables that it holds.
bool playsFromTables(const Patch& patch, const Registry& registry);

/// Integrated loudness (LUFS) of a key held for `seconds`; -HUGE_VAL for silence. Error: what rendering says.
Result<double> keyLoudness(const Patch& patch, const Registry& registry, int key, double velocity = 0.8,
                           double seconds = 1.6);

/// Trims the loudness quantiles and writes the level corrections of the tables, until keys from lowest to highest
/// (MIDI notes) lie within a loudness unit of their median, at soft and loud touches as far as the instrument follows.
/// Returns the loudness of each key at velocity 0.8 then. `progress` (0 to 1) may return false to cancel. Error: what
/// rendering says.
Result<std::vector<double>> levelKeys(Patch& patch, const Registry& registry, int lowest, int highest,
                                      const std::function<bool(double)>& progress = {});

struct Settled {
  double faster = 0;  ///< what learned responses lose more, dB/s
  int ringing = -1;   ///< a key (MIDI note) that no shorter room silences; the patch is as it was then
};
/// Lets learned responses die away as much faster as it takes for every key from lowest to highest (MIDI notes) to be
/// under -80 dBFS half a second after it was held at full velocity: learned from single notes, a room rings on at
/// their pitches. `progress` (0 to 1) may return false to cancel. Error: what rendering says.
Result<Settled> settle(Patch& patch, const Registry& registry, int lowest, int highest,
                       const std::function<bool(double)>& progress = {});

/// Sets the output's level so that the phrase plays at `lufs`. Error: no output, silence, what rendering says.
Result<void> levelPhrase(Patch& patch, const Registry& registry, double lufs = -18);

}  // namespace core
