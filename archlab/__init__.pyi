"""The public names of archlab, each with the file that holds it; nothing else lists them."""

from .analyze.factorize import bottleneck as bottleneck
from .api.cost import (
    against as against,
    bottlenecks as bottlenecks,
    check as check,
    compare as compare,
    compare_modes as compare_modes,
    diff as diff,
    flops as flops,
    memory as memory,
    params as params,
    shapes as shapes,
    summary as summary,
)
from .api.field.pictures import plot_receptive_field as plot_receptive_field
from .api.field.receptive_field import (
    effective_receptive_field as effective_receptive_field,
    receptive_field as receptive_field,
    unproductive as unproductive,
    verify_receptive_field as verify_receptive_field,
)
from .api.live.gradients import gradients as gradients, module_gradients as module_gradients
from .api.live.pictures import plot_by_depth as plot_by_depth
from .api.live.probes import identity as identity, responses as responses, shattered as shattered
from .api.model import Model as Model, load as load, trace as trace
from .api.page.report import Report as Report, report as report
from .api.render import (
    render as render,
    render_backward as render_backward,
    render_diff as render_diff,
    render_graph as render_graph,
)
from .api.scale.scan import agreement as agreement, plot_scan as plot_scan, scan as scan
from .api.training.curves import TrainingCurve as TrainingCurve, curves as curves
from .api.training.degradation import degradation as degradation, verdict as verdict
from .api.training.finetune import finetune_model as finetune_model
from .api.training.single import evaluate_model as evaluate_model, train_model as train_model
from .api.training.trained import export_model as export_model, load_model as load_model
from .errors import ArchlabError as ArchlabError
from .ir.graph import Graph as Graph
from .picture.picture import Picture as Picture
from .result.answer import Result as Result
from .runs.recipe import Recipe as Recipe
from .survey.gather import ScanSettings as ScanSettings
from .train.config import ConfigModule as ConfigModule, get_device as get_device
from .train.data import (
    CIFAR10Data as CIFAR10Data,
    CIFAR100Data as CIFAR100Data,
    FashionMNISTData as FashionMNISTData,
    ImageData as ImageData,
)
from .train.module import Classifier as Classifier

__version__: str
