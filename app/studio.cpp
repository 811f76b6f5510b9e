// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/studio.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QScreen>
#include <QSettings>
#include <QTimer>
#include <clocale>
#include <cstdio>
#include <cstdlib>

#include "app/catalog.h"
#include "app/commands.h"
#include "app/engine_host.h"
#include "app/export.h"
#include "app/sound_libraries.h"
#include "presets/patch_file.h"
#include "ui/main_window.h"
#include "ui/theme.h"

namespace app {
namespace {

constexpr const char* kFirstPreset = "subtractive-voice";
constexpr const char* kLearningPreset = "sms-resynthesis";

/// The window's request, carried out by the same export as the command line's.
core::Result<void> exportFromWindow(const core::Registry& registry, const core::Patch& patch,
                                    const ui::ExportRequest& request, const std::function<void(double)>& progress,
                                    const std::stop_token& stop) {
  ExportOptions options;
  options.format = request.format;
  options.rate = request.rate;
  if (request.seconds > 0) options.render.seconds = request.seconds;
  options.normalise = request.normalise == ui::Normalise::peak       ? Normalise::peak
                      : request.normalise == ui::Normalise::loudness ? Normalise::loudness
                                                                     : Normalise::none;
  options.level = request.normalise == ui::Normalise::peak ? request.peakDb : request.loudness;
  options.progress = [&](double part) {
    if (progress) progress(part);
    return !stop.stop_requested();
  };
  return exportAudio(patch, registry, request.path.toStdString(), options);
}

AudioWish savedWish() {
  const QSettings settings;
  AudioWish wish;
  wish.device = settings.value("audio/device").toString().toStdString();
  wish.rate = settings.value("audio/rate", 48000.0).toDouble();
  wish.buffer = settings.value("audio/buffer", 128).toInt();
  return wish;
}

void saveWish(const AudioWish& wish) {
  QSettings settings;
  settings.setValue("audio/device", QString::fromStdString(wish.device));
  settings.setValue("audio/rate", wish.rate);
  settings.setValue("audio/buffer", wish.buffer);
}

/// At its own size where that fits with the frame around it; a smaller or scaled screen it fills.
void showFitting(QWidget& window) {
  constexpr double kRoomInFrame = 0.92;  // of what is free: title bar and borders are not known before it shows
  const QSize size(1600, 1000), room = window.screen()->availableSize() * kRoomInFrame;
  window.resize(size.boundedTo(room));
  if (size == window.size())
    window.show();
  else
    window.showMaximized();
}

/// Qt ends the process when a display cannot be reached; here with one sentence and exit code 1.
void onQtMessage(QtMsgType type, const QMessageLogContext&, const QString&) {
  if (type != QtFatalMsg) return;
  std::fputs("tonewright: The display cannot be opened; the commands (tonewright --help) need none.\n", stderr);
  std::_Exit(1);
}

}  // namespace

int runStudio(int& argc, char** argv, const core::Registry& registry, const std::string& patch) {
  QElapsedTimer sinceStart;
  sinceStart.start();
  silenceSoundLibraries();
  // a recording instead of a patch: the patch that can learn any recording, with it as the target; a
  // folder: recordings to train on
  std::error_code code;
  const bool isFolder = !patch.empty() && std::filesystem::is_directory(patch, code);
  const bool isFile = !patch.empty() && std::filesystem::is_regular_file(patch, code);
  const bool isRecording = isFile && !presets::isPatchPath(patch);
  core::Result<core::Patch> first = loadPatch(isRecording                 ? kLearningPreset
                                              : patch.empty() || isFolder ? kFirstPreset
                                                                          : patch);
  if (!first && !patch.empty()) return fail(first.error());
  if (!qEnvironmentVariableIsSet("DISPLAY") && !qEnvironmentVariableIsSet("WAYLAND_DISPLAY") &&
      !qEnvironmentVariableIsSet("QT_QPA_PLATFORM"))
    return fail({"There is no display for the studio; the commands (tonewright --help) need none."});
  qputenv("JACK_NO_START_SERVER", "1");  // looking for a server must not start one
  const auto before = qInstallMessageHandler(&onQtMessage);
  QApplication application(argc, argv);
  qInstallMessageHandler(before);
  std::setlocale(LC_NUMERIC, "C");  // Qt takes the user's locale; numbers in files and text stay with points
  QApplication::setApplicationName("Tonewright");
  QApplication::setOrganizationName("Tonewright");
  QApplication::setApplicationVersion(TONEWRIGHT_VERSION);
  ui::applyTheme(application, ui::ThemeKind::dark);
  EngineHost host(registry);
  ui::Document document(registry, host);
  ui::WindowServices services;
  services.fit = core::fit;
  services.exporter = [&registry](const core::Patch& p, const ui::ExportRequest& r,
                                  const std::function<void(double)>& progress, const std::stop_token& stop) {
    return exportFromWindow(registry, p, r, progress, stop);
  };
  services.presets = presets::factoryPresets(presetFolder());
  services.models = presets::factoryPresets(modelFolder());
  ui::MainWindow window(registry, host, document, services);
  if (first && (isRecording || !isFile)) document.startWith(*first);
  if (isFile || isFolder) window.openFile(QString::fromStdString(patch));
  showFitting(window);
  const bool timing = qEnvironmentVariableIsSet("TONEWRIGHT_TIMING");
  QTimer::singleShot(0, &window, [&] {
    if (timing) std::fprintf(stderr, "window after %lld ms\n", static_cast<long long>(sinceStart.elapsed()));
    // devices are looked for once the window stands: a dead server must not hold it up
    host.start(savedWish(), QSettings().value("midi/port").toString().toStdString());
    if (timing) std::fprintf(stderr, "audio after %lld ms\n", static_cast<long long>(sinceStart.elapsed()));
    window.offerRecovery();
  });
  const int exitCode = QApplication::exec();
  saveWish(host.device().wish());
  return exitCode;
}

}  // namespace app
