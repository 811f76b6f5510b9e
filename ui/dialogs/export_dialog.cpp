// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/export_dialog.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDir>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QSettings>
#include <QVBoxLayout>

#include "ui/theme.h"

namespace ui {
namespace {

struct FormatRow {
  const char *name, *ending;
  core::AudioFormat format;
};
constexpr FormatRow kFormats[] = {
    {"WAV, 24 bit", "wav", core::AudioFormat::wav24},        {"WAV, 16 bit", "wav", core::AudioFormat::wav16},
    {"WAV, 32 bit float", "wav", core::AudioFormat::wav32f}, {"FLAC", "flac", core::AudioFormat::flac},
    {"Ogg Vorbis", "ogg", core::AudioFormat::ogg},           {"MP3", "mp3", core::AudioFormat::mp3}};

}  // namespace

ExportDialog::ExportDialog(Document& document, Exporter exporter, QWidget* parent)
    : QDialog(parent),
      document_(document),
      exporter_(std::move(exporter)),
      path_(new QLineEdit),
      format_(new QComboBox),
      rate_(new QComboBox),
      normalise_(new QComboBox),
      tail_(new QCheckBox(tr("phrase and its tail"))),
      seconds_(new QDoubleSpinBox),
      level_(new QDoubleSpinBox),
      bar_(new QProgressBar),
      message_(new QLabel),
      start_(new QPushButton(tr("Export"))),
      close_(new QPushButton(tr("Close"))) {
  setWindowTitle(tr("Export audio"));
  setMinimumWidth(480);
  for (const FormatRow& f : kFormats) format_->addItem(QLatin1String(f.name));
  for (const double r : {44100.0, 48000.0, 88200.0, 96000.0, 192000.0}) rate_->addItem(tr("%1 Hz").arg(r), r);
  rate_->setCurrentIndex(std::max(0, rate_->findData(document_.patch().rate)));
  normalise_->addItems({tr("as it is"), tr("peak at"), tr("loudness at")});
  seconds_->setRange(0.1, 3600);
  seconds_->setValue(std::max(0.1, document_.patch().phraseSeconds()));
  seconds_->setSuffix(tr(" s"));
  tail_->setChecked(true);
  seconds_->setEnabled(false);
  bar_->setRange(0, 1000);
  bar_->setValue(0);
  message_->setWordWrap(true);
  message_->setProperty("role", "secondary");
  start_->setProperty("role", "primary");
  start_->setDefault(true);

  auto* browse = new QPushButton(tr("Choose..."));
  auto row = [](std::initializer_list<QWidget*> widgets) {
    auto* box = new QHBoxLayout;
    for (QWidget* w : widgets) box->addWidget(w);
    return box;
  };
  auto* form = new QFormLayout;
  form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
  form->addRow(tr("File"), row({path_, browse}));
  form->addRow(tr("Format"), format_);
  form->addRow(tr("Rate"), rate_);
  form->addRow(tr("Length"), row({tail_, seconds_}));
  form->addRow(tr("Level"), row({normalise_, level_}));
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(16, 16, 16, 16);
  layout->addLayout(form);
  layout->addWidget(bar_);
  layout->addWidget(message_);
  auto* buttons = row({close_, start_});
  buttons->insertStretch(0);
  layout->addLayout(buttons);

  connect(browse, &QPushButton::clicked, this, &ExportDialog::choosePath);
  connect(format_, &QComboBox::currentIndexChanged, this, &ExportDialog::fixEnding);
  connect(tail_, &QCheckBox::toggled, seconds_, &QWidget::setDisabled);
  const auto levelRow = [this](int kind) {
    level_->setEnabled(kind != 0);
    level_->setRange(kind == 2 ? -40 : -60, kind == 2 ? -5 : 0);
    level_->setSuffix(kind == 2 ? tr(" LUFS") : tr(" dBFS"));
    level_->setValue(kind == 2 ? -16 : -1);
  };
  connect(normalise_, &QComboBox::currentIndexChanged, this, levelRow);
  levelRow(0);
  connect(start_, &QPushButton::clicked, this, &ExportDialog::start);
  connect(close_, &QPushButton::clicked, this, &ExportDialog::reject);
  const QString folder = QSettings().value(QStringLiteral("exportFolder"), QDir::homePath()).toString();
  setPath(folder + QLatin1Char('/') + document_.title() + QStringLiteral(".wav"));
}

ExportDialog::~ExportDialog() { worker_.request_stop(); }

void ExportDialog::setPath(const QString& path) { path_->setText(path); }

QString ExportDialog::message() const { return message_->text(); }

void ExportDialog::fixEnding() {
  const QFileInfo info(path_->text());
  const QString ending = QLatin1String(kFormats[format_->currentIndex()].ending);
  if (info.suffix() != ending)
    setPath(info.path() + QLatin1Char('/') + info.completeBaseName() + QLatin1Char('.') + ending);
}

void ExportDialog::choosePath() {
  const QString chosen = QFileDialog::getSaveFileName(this, tr("Export audio"), path_->text());
  if (chosen.isEmpty()) return;
  setPath(chosen);
  fixEnding();
}

ExportRequest ExportDialog::request() const {
  ExportRequest r;
  r.path = path_->text();
  r.format = kFormats[format_->currentIndex()].format;
  r.rate = rate_->currentData().toDouble();
  r.seconds = tail_->isChecked() ? 0 : seconds_->value();
  r.normalise = static_cast<Normalise>(normalise_->currentIndex());
  (r.normalise == Normalise::loudness ? r.loudness : r.peakDb) = level_->value();
  return r;
}

void ExportDialog::start() {
  if (running_) {
    worker_.request_stop();
    return;
  }
  running_ = true;
  start_->setText(tr("Cancel"));
  message_->setText(tr("Exporting..."));
  QSettings().setValue(QStringLiteral("exportFolder"), QFileInfo(path_->text()).path());
  worker_ = std::jthread([this, patch = document_.snapshot(), request = request()](const std::stop_token& stop) {
    const auto progress = [this](double part) {
      QMetaObject::invokeMethod(bar_, [bar = bar_, part] { bar->setValue(static_cast<int>(part * 1000)); });
    };
    const auto done = exporter_ ? exporter_(*patch, request, progress, stop)
                                : core::Result<void>(core::Error{"This build cannot export."});
    QMetaObject::invokeMethod(this, [this, done] { finish(done); });
  });
}

void ExportDialog::finish(const core::Result<void>& done) {
  running_ = false;
  start_->setText(tr("Export"));
  bar_->setValue(done ? 1000 : 0);
  message_->setText(done ? tr("Written: %1").arg(path_->text()) : text(done.error().message));
}

void ExportDialog::reject() {
  worker_.request_stop();
  QDialog::reject();
}

}  // namespace ui
